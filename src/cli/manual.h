/* cli/manual.h - main.cf(5), made from conf/params.def */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/buf.h"

void manual_main_cf(struct buf *ret); /* the page in mdoc(7) */

#endif
