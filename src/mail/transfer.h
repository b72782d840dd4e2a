/* mail/transfer.h - content transfer encodings undone, leniently
 * RFC 2045 6.7 (quoted-printable) and 6.8 (base64), RFC 2047 4.2 (Q), RFC 2231 7 (%XX). What does not belong there is skipped (base64) or stays as it
 * is (quoted-printable): mail is full of it. For strict base64 see base/base64.h. Pure. */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "base/buf.h"

enum transfer { TRANSFER_PLAIN /* 7bit, 8bit, binary, nothing, or unknown */, TRANSFER_QP, TRANSFER_BASE64 };
enum transfer transfer_of(str encoding); /* by name, any case */

/* These append to out and stop where it is full. Base64 may come padded in the middle: several runs follow each other. */
void transfer_decode(enum transfer t, str in, struct buf *out);
void transfer_decode_q(str in, struct buf *out);       /* of an encoded word: '_' is a space */
void transfer_decode_percent(str in, struct buf *out); /* %XX of an extended parameter: RFC 2231 7 */

#endif
