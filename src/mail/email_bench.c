/* How fast messages become rows, and rows are read. Run by `meson test --benchmark`; prints nanoseconds and megabytes per second. */
#include "mail/email.h"

#include "base/mem.h"

#include <time.h>

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const char header[] =
	"Return-Path: <ann@example.org>\r\n"
	"Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n"
	"\tby mx.example.net (Postrider) with ESMTPS id 4F2c8x1m2z\r\n"
	"\tfor <bob@example.net>; Mon, 23 Nov 2026 22:12:00 +0100 (CET)\r\n"
	"Received: from [192.168.1.23] (dsl-23.example.org [198.51.100.23])\r\n"
	"\tby mail.example.org (Postrider) with ESMTPSA id 4F2c8x1m2y\r\n"
	"\tfor <bob@example.net>; Mon, 23 Nov 2026 22:11:58 +0100 (CET)\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=2026;\r\n"
	"\tt=1795468318; h=from:from:reply-to:subject:subject:date:date:message-id:message-id:\r\n"
	"\t to:to:cc:mime-version:mime-version:content-type:content-type:\r\n"
	"\t content-transfer-encoding:content-transfer-encoding:in-reply-to:in-reply-to:references;\r\n"
	"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
	"\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzRcmNQrFbHjVoA\r\n"
	"\t hAgjHYtHGdVHkvqrWXyXhVcqkV7jRXmmnQXNlZ0eHJ1ohBcBqiM1cZ9Zsd9LJLhSN8s6wA6vVxQ8\r\n"
	"From: Ann Example <ann@example.org>\r\n"
	"To: Bob Example <bob@example.net>, \"Carol, C.\" <carol@example.com>\r\n"
	"Cc: dave@example.org\r\n"
	"Subject: Re: The minutes of yesterday's meeting\r\n"
	"Date: Mon, 23 Nov 2026 22:11:57 +0100\r\n"
	"Message-ID: <5d0c1d2e-7a86-4f35-9a0b-0b9a4c3f7a11@example.org>\r\n"
	"In-Reply-To: <20261122101112.GA1234@example.net>\r\n"
	"References: <20261121080000.GA1111@example.net> <20261122101112.GA1234@example.net>\r\n"
	"User-Agent: Mozilla Thunderbird\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: text/plain; charset=UTF-8; format=flowed\r\n"
	"Content-Language: en-US\r\n"
	"Content-Transfer-Encoding: 8bit\r\n"
	"\r\n";
static const char line[] = "The quick brown fox jumps over the lazy dog, and then it rests for a while.\r\n";
static const char big_header[] =
	"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=xyz\r\n\r\n--xyz\r\n"
	"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
static const char base64[] =
	"JVBERi0xLjUKJdDUxdgKNSAwIG9iago8PAovTGVuZ3RoIDE0ODkgICAgICAKL0ZpbHRlciAvRmxh\r\n";

static void
measure_small(struct email_builder *b)
{
	struct buf message = { 0 }, row = { 0 };
	struct email_facts facts;
	struct arena a = { 0 };
	struct email e;
	double start, built, read;
	int rounds = 100000;

	buf_add(&message, str_c(header));
	while (message.n < 4096)
		buf_add(&message, str_c(line));
	start = now_ns();
	for (int i = 0; i < rounds; i++) {
		buf_clear(&row);
		email_builder_reset(b);
		email_builder_feed(b, buf_str(&message));
		email_builder_finish(b, &row, &facts);
	}
	built = now_ns();
	for (int i = 0; i < rounds; i++) {
		arena_reset(&a);
		if (email_row_read(&a, buf_str(&row), &e) != OK)
			abort();
	}
	read = now_ns();
	printf("message of %zu octets to a row of %zu: %.0f ns; row read: %.0f ns\n", message.n, row.n,
		(built - start) / rounds, (read - built) / rounds);
	buf_done(&message);
	buf_done(&row);
	arena_done(&a);
}

static void
measure_large(struct email_builder *b)
{
	struct buf piece = { 0 }, row = { 0 };
	struct email_facts facts;
	double start, took;

	while (piece.n < 64 * 1024)
		buf_add(&piece, str_c(base64));
	start = now_ns();
	email_builder_reset(b);
	email_builder_feed(b, str_c(big_header));
	for (int i = 0; i < 1600; i++)
		email_builder_feed(b, buf_str(&piece));
	email_builder_finish(b, &row, &facts);
	took = now_ns() - start;
	printf("base64 attachment of %.0f MB: %.0f MB/s\n", (double)facts.size / 1e6,
		(double)facts.size * 1e3 / took);
	buf_done(&piece);
	buf_done(&row);
}

int
main(void)
{
	struct email_builder *b = email_builder_new(NULL, &(struct hash_key){ 1, 2 });

	measure_small(b);
	measure_large(b);
	email_builder_free(b);
	return 0;
}
