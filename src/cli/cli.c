#include "cli/cli.h"

#include "audit/audit.h"
#include "rules/rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int
cli_load(const struct cli *cli, struct conf **ret)
{
	struct buf report = { 0 };
	struct conf *conf = NULL;
	enum fault fault = conf_load(cli->config, cli->overrides, cli->override_count, &report, &conf);

	if (fault == OK)
		fault = rules_judge(conf, &report);
	if (fault == OK)
		*ret = conf;
	else
		conf_free(conf);
	if (report.n)
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	return fault == OK ? EX_OK : EX_CONFIG;
}

int
cli_load_closed(const struct cli *cli, struct conf **ret)
{
	struct buf report = { 0 };
	struct conf *conf = NULL;
	int status = cli_load(cli, &conf);

	if (status != EX_OK)
		return status;
	if (audit_open_relay(conf, &report))
		status = EX_CONFIG;
	if (report.n)
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	if (status == EX_OK)
		*ret = conf;
	else
		conf_free(conf);
	return status;
}

int
cli_fail(int status, const char *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "postrider %s: ", verb);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int
cli_usage(const struct cli_verb *verb)
{
	fprintf(stderr, "usage: postrider %s%s%s\n", verb->name, verb->usage[0] ? " " : "", verb->usage);
	return EX_USAGE;
}

int
cli_write(const char *verb, const struct buf *b)
{
	if (b->n && fwrite(b->p, 1, b->n, stdout) != b->n)
		return cli_fail(EX_IOERR, verb, "cannot write: %s", strerror(errno));
	if (fflush(stdout) != 0)
		return cli_fail(EX_IOERR, verb, "cannot write: %s", strerror(errno));
	return EX_OK;
}

bool
cli_write_whole(int fd, str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_from(bytes, (size_t)n);
	}
	return true;
}
