import * as z from 'zod';
import type { Route, RouteResponse } from './route.ts';
import { problemDetails } from './schemas.ts';

/** The problems that any route may answer with. */
const COMMON_PROBLEMS = [400, 401, 403, 413, 429] as const;

const PROBLEM_SAYS: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  401: 'Credentials are missing, wrong or expired.',
  403: 'The caller may not do this.',
  404: 'There is no such thing.',
  412: 'It changed meanwhile.',
  413: 'The body is too large.',
  429: 'Too many requests, or streams.',
  501: 'The registry behind can’t do that.',
  503: 'The registry behind can’t be reached, or the gateway is full or leaving.',
  504: 'The registry behind took too long.',
};

/** The OpenAPI 3.1 document of these routes, made of the schemas that check their input. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const schemas: Record<string, object> = {};
  const paths: Record<string, Record<string, object>> = {};
  for (const each of routes) {
    const path = (paths[each.url] ??= {});
    path[each.method.toLowerCase()] = operation(each, schemas);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Rollcall gateway',
      version,
      description:
        'Service registration and discovery. Names are percent-encoded path segments; errors are problem details (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { mutualTls: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A JWT, or an API key.' },
        mutualTls: {
          type: 'mutualTLS',
          description: 'A client certificate; its common name is the subject.',
        },
      },
      schemas,
    },
  };
}

function operation(each: Route, schemas: Record<string, object>): object {
  const parameters = [
    ...parametersOf(each.path, 'path', schemas),
    ...parametersOf(each.query, 'query', schemas),
    ...Object.entries(each.headers ?? {}).map(([name, description]) => ({
      name,
      in: 'header',
      required: description.endsWith('Required.'),
      description,
      schema: { type: 'string' },
    })),
  ];
  const problems = [...COMMON_PROBLEMS, ...(each.problems ?? [])];
  const problemContent = {
    'application/problem+json': { schema: reference(problemDetails, 'output', schemas) },
  };
  return {
    operationId: each.id,
    summary: each.summary,
    tags: [each.tag],
    ...(parameters.length > 0 && { parameters }),
    ...(each.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: reference(each.body, 'input', schemas) } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(each.responses).map(([status, response]) => [status, answer(response, schemas)]),
      ),
      ...Object.fromEntries(
        problems.map((status) => [
          status,
          { description: PROBLEM_SAYS[status] ?? '', content: problemContent },
        ]),
      ),
    },
  };
}

function answer({ says, schema, contentType }: RouteResponse, schemas: Record<string, object>): object {
  if (!schema) return { description: says };
  const content = { [contentType ?? 'application/json']: { schema: reference(schema, 'output', schemas) } };
  return { description: says, content };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query',
  schemas: Record<string, object>,
): object[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { description, ...rest } = reference(field as z.ZodType, 'input', schemas) as {
      description?: string;
    };
    const required = place === 'path';
    return { name, in: place, required, ...(description !== undefined && { description }), schema: rest };
  });
}

/** The JSON Schema; what has a name is put among the document's schemas, and referred to. */
function reference(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, object>): object {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  const {
    $schema: _schema,
    $defs = {},
    id,
    ...rest
  } = made as Record<string, unknown> & {
    $defs?: Record<string, Record<string, unknown>>;
    id?: string;
  };
  for (const [name, { $schema: _inner, id: _id, ...definition }] of Object.entries($defs))
    schemas[name] ??= pointed(definition);
  if (id === undefined) return pointed(rest);
  schemas[id] ??= pointed(rest);
  return { $ref: `#/components/schemas/${id}` };
}

/** References within one schema, as references within the document. */
function pointed(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as object;
}
