/* cli/attach.h - files that go into a message
 * The type is told by the name (a table of ours, then /etc/mime.types), the charset of a text by its bytes. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include "cli/cli.h"
#include "mail/compose.h"

/* Opens the file and fills *ret, whose read reads from it. EX_OK, or said. What it opens stays open until attach_close. */
int attach_open(const char *verb, struct arena *a, const char *path, struct compose_file *ret);
void attach_close(struct compose_file *f); /* calm with a zeroed one */

/* The whole of a file, "-" being standard input, at most `most` octets; in the arena. EX_OK, or said. */
int attach_read(const char *verb, struct arena *a, const char *path, size_t most, str *ret);

/* "image/png" of "a.PNG"; "" when nobody knows. */
str attach_type_of(struct arena *a, str name);

#endif
