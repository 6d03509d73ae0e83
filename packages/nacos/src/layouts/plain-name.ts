import { RegistryError } from '@rollcall/core';
import type { Layout } from './layout.ts';

/** Services by their names as they are. */
export const plainName: Pick<Layout, 'anyName' | 'serviceName' | 'serviceOf'> = {
  anyName: false,
  serviceName(name) {
    if (TAKEN.test(name) && !name.includes('@@')) return name;
    const message =
      'service holds white space, @@ or a character that Nacos does not take: use another name, or the layout rollcall';
    throw new RegistryError('INVALID_ARGUMENT', message, { field: 'service' });
  },
  serviceOf: (name) => name,
};

/**
 * What every server takes (`com.alibaba.nacos.common.paramcheck.ParamCheckRule`), without what stands for something else
 * in some of its interfaces.
 */
const TAKEN = /^(?!@)[\x21-\x7e]+$/u;
