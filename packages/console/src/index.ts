export { consoleFiles, type ConsoleFile } from './console-files.ts';
export { CONSOLE_HEADERS } from './console-headers.ts';
