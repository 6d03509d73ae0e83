import { MAX_WEIGHT } from '@rollcall/core';
import { isObject } from '@rollcall/core/dialects';
import type { ConsulService } from './layout.ts';

/** The tags of an entry that anybody may have written; those that are no tags are passed over. */
export function tagsOf({ Tags }: ConsulService): string[] {
  return Array.isArray(Tags) ? Tags.filter((tag) => typeof tag === 'string' && tag !== '') : [];
}

/** As {@link tagsOf}, its `Meta`. */
export function metaOf({ Meta }: ConsulService): Record<string, string> {
  if (!isObject(Meta)) return {};
  const pairs = Object.entries(Meta).filter(
    (pair): pair is [string, string] => pair[0] !== '' && typeof pair[1] === 'string',
  );
  return Object.fromEntries(pairs);
}

/** As {@link tagsOf}, its weight for DNS. */
export function weightOf({ Weights }: ConsulService): number {
  const weight = isObject(Weights) ? Weights['Passing'] : undefined;
  return typeof weight === 'number' && weight >= 0 && weight <= MAX_WEIGHT ? weight : 1;
}
