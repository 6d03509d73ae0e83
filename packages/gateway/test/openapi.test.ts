import { afterAll, beforeAll, expect, it } from 'vitest';
import { runGateway, type RunningGateway } from './support/running-gateway.ts';

let running: RunningGateway;
let document: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  running = await runGateway();
  document = (await running.call('GET', '/openapi.json')).body as typeof document;
});
afterAll(() => running.close());

it('is an OpenAPI 3.1 document whose references all lead somewhere', () => {
  expect(document).toMatchObject({ openapi: '3.1.1', info: { title: 'Rollcall gateway' } });
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
  const { schemas } = document['components'] as { schemas: object };
  const named = new Set(Array.from(references, ([, name]) => name ?? ''));
  expect(named.size).toBeGreaterThan(8);
  for (const name of named) expect(schemas).toHaveProperty(name);
});

it('has every parameter of a path, and an id for each operation of its own', () => {
  const paths = document['paths'] as Record<string, Record<string, Operation>>;
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(paths)) {
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    for (const { operationId, parameters = [], responses } of Object.values(operations)) {
      expect(ids.has(operationId), operationId).toBe(false);
      ids.add(operationId);
      const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      expect(new Set(declared), path).toEqual(new Set(inPath));
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '403', '429']));
    }
  }
});

it('says of an instance what the server takes', () => {
  const { schemas } = document['components'] as { schemas: Record<string, object> };
  expect(schemas['InstanceSpec']).toMatchObject({
    type: 'object',
    additionalProperties: false,
    required: ['host', 'port'],
    properties: { port: { type: 'integer', minimum: 1, maximum: 65_535 } },
  });
});

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: object;
}
