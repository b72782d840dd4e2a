/* The index, anew from the log alone. */
#include "store/embedded/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* index.new takes the place of index; a crash in between leaves no index, and the next start makes one. */
static enum fault
put_in_place(const struct store_tool *t, const struct log *log, int dir)
{
	if (renameat(dir, "index", dir, "index.old") != 0 && errno != ENOENT)
		return tool_failed(t, "rename", "index");
	if (renameat(dir, "index.new", dir, "index") != 0)
		return tool_failed(t, "rename", "index.new");
	flush_folder_or_die(log, dir, "store folder");
	return tool_remove_folder(t, dir, "index.old");
}

enum fault
store_rebuild(const struct store_tool *t)
{
	struct store_settings set = { .dir = t->dir, .wall_ms = tool_clock_ms };
	struct opening how = { .index_name = "index.new", .unsynced = true, .tool = t };
	struct log log = { 0 };
	struct store_stats stats;
	struct store *s = NULL;
	int dir = -1, lock = -1;
	enum fault f;

	TRY(tool_open_folder(t, AT_FDCWD, t->dir, &dir));
	f = store_lock(&log, dir, &lock); /* nobody else clears index.new meanwhile */
	if (f == OK) {
		f = tool_remove_folder(t, dir, "index.new");
		if (f == OK)
			f = tool_remove_folder(t, dir, "index.old");
		close(lock);
	}
	if (f == OK)
		f = store_open_as(&set, &log, &how, &s);
	if (f == OK) {
		store_get_stats(s, &stats);
		(void)index_sync(s->st.ix);
		tool_say(t, "%llu records, %llu accounts, %llu mailboxes, %llu messages, %llu damaged places",
			(unsigned long long)stats.replayed, (unsigned long long)stats.accounts,
			(unsigned long long)stats.mailboxes, (unsigned long long)stats.messages,
			(unsigned long long)stats.damaged);
		store_close(s);
		f = put_in_place(t, &log, dir);
	} else {
		tool_say(t, "rebuild: %s", fault_words(f)->text);
	}
	close(dir);
	return f;
}
