/* store/embedded/tool.h - what the tools share */
#ifndef STORE_EMBEDDED_TOOL_H
#define STORE_EMBEDDED_TOOL_H

#include "store/embedded/engine.h"

void tool_say(const struct store_tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum fault tool_failed(const struct store_tool *t, const char *doing, const char *path); /* says errno */
/* Opens the folder of a store, or a folder in it. */
enum fault tool_open_folder(const struct store_tool *t, int at, const char *name, int *ret_fd);
/* Removes a folder with the files in it (not with folders in it). OK when there is none. */
enum fault tool_remove_folder(const struct store_tool *t, int at, const char *name);
int64_t tool_clock_ms(void); /* tools write what a store would, with the time of day */

#endif
