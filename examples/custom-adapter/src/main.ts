/** The noticeboard as a server, on the port that `rollcall.config.yaml` names. */
import { Noticeboard } from './noticeboard.ts';

process.stdout.write(`noticeboard: ${await new Noticeboard().listen(7070)}\n`);
