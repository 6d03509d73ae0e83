export { formatted } from './formatted.ts';
export { generatedPart, type Marks, withGeneratedPart } from './generated-part.ts';
export { machineLine } from './machine-line.ts';
