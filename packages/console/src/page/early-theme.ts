/** Runs before the first paint, so that nobody who chose dark sees a white flash. */
import { chosenTheme, showTheme } from './state/theme.ts';

showTheme(chosenTheme());
