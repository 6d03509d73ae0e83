export { formatAddress, parseAddress, readAddress, type Address } from '../address.ts';
export { fieldsFromMetadata, housedMetadata, type HousedField } from './fields-in-metadata.ts';
export { isObject, parseJsonObject } from './json-object.ts';
export type { InstanceLayout } from './instance-layout.ts';
export { decodeKratosInstance, encodeKratosInstance, isWeightText } from './kratos.ts';
