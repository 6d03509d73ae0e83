export { formatAddress, parseAddress, type Address } from './address.ts';
export { fieldsFromMetadata, housedMetadata, type HousedField } from './fields-in-metadata.ts';
export { isObject, parseJsonObject } from './json-object.ts';
export { decodeKratosInstance, encodeKratosInstance } from './kratos.ts';
