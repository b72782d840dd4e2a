#include "base/moment.h"

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
	"Nov", "Dec" };
static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

enum { MS_PER_DAY = 86400000, DAYS_PER_ERA = 146097 /* 400 years */ };

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar; the year begins in March so that the leap day is its last. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
	       719468;
}

void
moment_split(int64_t unix_ms, struct moment_parts *ret)
{
	int64_t days = floor_div(unix_ms, MS_PER_DAY);
	int ms = (int)(unix_ms - days * MS_PER_DAY);
	int64_t z = days + 719468;
	int64_t era = floor_div(z, DAYS_PER_ERA);
	int64_t doe = z - era * DAYS_PER_ERA;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);

	*ret = (struct moment_parts){
		.year = (int)(yoe + era * 400 + (month <= 2)),
		.month = month,
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = ms / 3600000,
		.minute = ms / 60000 % 60,
		.second = ms / 1000 % 60,
		.millisecond = ms % 1000,
		.weekday = (int)(((days + 4) % 7 + 7) % 7),
	};
}

int64_t
moment_join(const struct moment_parts *t)
{
	int64_t seconds =
		days_of(t->year, t->month, t->day) * 86400 + t->hour * 3600 + t->minute * 60 + t->second;

	return seconds * 1000 + t->millisecond;
}

void
moment_add_rfc5322(struct buf *b, int64_t unix_ms, int offset_min)
{
	struct moment_parts t;
	int off = offset_min < 0 ? -offset_min : offset_min;

	moment_split(unix_ms + (int64_t)offset_min * 60000, &t);
	buf_printf(b, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d", weekdays[t.weekday], t.day,
		months[t.month - 1], t.year, t.hour, t.minute, t.second, offset_min < 0 ? '-' : '+', off / 60,
		off % 60);
}

void
moment_add_rfc3339(struct buf *b, int64_t unix_ms)
{
	struct moment_parts t;

	moment_split(unix_ms, &t);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.year, t.month, t.day, t.hour, t.minute,
		t.second, t.millisecond);
}
