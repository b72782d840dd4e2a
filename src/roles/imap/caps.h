/* roles/imap/caps.h - the capabilities we offer: each only when all of it works */
#ifndef ROLES_IMAP_CAPS_H
#define ROLES_IMAP_CAPS_H

/* What is worth knowing before the login. RFC 3501, 7888, 4959, 2971, 5161, 2177 */
#define IMAP_CAPS_ALWAYS "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE"
/* And after it. RFC 2342, 4315, 3691, 6851, 3348, 6154, 5258, 5819, 8438, 4731, 5032, 7162, 8474, 8514, 8970, 9208 */
#define IMAP_CAPS_SESSION                                                                                    \
	IMAP_CAPS_ALWAYS " NAMESPACE UIDPLUS UNSELECT MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE "         \
			 "LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH WITHIN CONDSTORE OBJECTID SAVEDATE " \
			 "PREVIEW QUOTA QUOTA=RES-STORAGE"

#endif
