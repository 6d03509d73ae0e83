import { describeGolden, KRATOS_MEANT } from '@rollcall-tools/peers/golden';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { ConsulService, Layout } from '../src/layouts/layout.ts';
import { springLayout } from '../src/layouts/spring.ts';

interface Entry {
  readonly Service: ConsulService & { readonly Address: string };
}

const service = { namespace: 'default', service: 'orders' };
const by = (layout: Layout) => (entry: Entry) => layout.read(entry.Service, service, entry.Service.Address);

describeGolden(import.meta.url, 'kratos', by(kratosLayout), KRATOS_MEANT);

describeGolden(import.meta.url, 'spring', by(springLayout), {
  defaults: { id: 'orders-8080', host: 'orders-7.internal', port: 8080, scheme: 'http' },
  'https, beats, zone, group, tags, metadata': {
    id: 's-2',
    host: '10.0.0.8',
    port: 8443,
    scheme: 'https',
    zone: 'eu-1a',
    tags: ['canary', 'a=b'],
    metadata: { team: 'accounts', group: 'blue' },
  },
});
