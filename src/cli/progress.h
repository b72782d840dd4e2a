/* cli/progress.h - how far something long has come: a bar on a terminal, nothing anywhere else */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	bool shown;       /* standard error is a terminal */
	int per_mille;    /* as drawn; -1: nothing yet */
	int64_t begun_ms; /* monotonic */
};

void progress_begin(struct progress *p, const char *what);
void progress_tell(struct progress *p, int per_mille);
void progress_end(struct progress *p); /* wipes the bar away */

#endif
