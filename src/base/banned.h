/* base/banned.h - functions that lose lengths, locale or state. Included on the compiler's command line, everywhere. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Fortified, clang has macros of these names. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strncpy stpcpy strcat strncat sprintf vsprintf gets
#pragma GCC poison strtok strtok_r atoi atol atoll atof strerror_r
#pragma GCC poison gmtime localtime ctime asctime mktime
#pragma GCC poison srand srandom drand48
#pragma GCC poison tmpnam tempnam mktemp system popen

/* OpenSSL's headers have parameters of this name, so its use is what fails. */
int rand(void) __attribute__((deprecated("take randomness from rt")));

#endif
