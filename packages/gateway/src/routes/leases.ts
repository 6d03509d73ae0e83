import type { GatewayParts } from '../gateway-parts.ts';
import { problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { lease, leasePath, leaseRequest } from '../schemas.ts';

const UNKNOWN = 'This lease is not known here, or no longer: get a new one and register again.';

/** Proof of life: a client holds a lease, and what it registers under it stays for as long as it renews it. */
export function leaseRoutes({ leases, held }: GatewayParts): readonly Route[] {
  return [
    route({
      method: 'POST',
      url: '/v1/leases',
      id: 'grantLease',
      tag: 'leases',
      summary: 'Get a lease. It belongs to who asked.',
      body: leaseRequest,
      responses: { 201: { says: 'The lease, with the TTL that it got.', schema: lease } },
      problems: [503],
      async handle({ body, principal, reply }) {
        if (leases.isFull) {
          const detail = 'This gateway has as many leases as it takes. Ask another one.';
          throw problem('unavailable', detail, { headers: { 'retry-after': '5' } });
        }
        const { id, ttlMs } = await leases.grant(principal.subject, body.ttlMs);
        return await reply.code(201).send({ id, ttlMs });
      },
    }),
    route({
      method: 'POST',
      url: '/v1/leases/{lease}/renew',
      id: 'renewLease',
      tag: 'leases',
      summary: 'Say that one is alive. The TTL begins anew.',
      path: leasePath,
      responses: { 200: { says: 'It is renewed.', schema: lease } },
      problems: [404],
      async handle({ path, principal }) {
        const renewed = leases.renew(path.lease, principal.subject);
        if (!renewed) throw problem('lease-lost', UNKNOWN);
        return { id: renewed.id, ttlMs: renewed.ttlMs };
      },
    }),
    route({
      method: 'DELETE',
      url: '/v1/leases/{lease}',
      id: 'revokeLease',
      tag: 'leases',
      summary: 'Give a lease back. What is registered under it is taken off.',
      path: leasePath,
      responses: { 204: { says: 'It is gone, or was not there.' } },
      async handle({ path, principal, reply }) {
        const revoked = await leases.revoke(path.lease, principal.subject);
        if (revoked) await held.leaseEnded(revoked, 'deregistered');
        return await reply.code(204).send();
      },
    }),
  ];
}
