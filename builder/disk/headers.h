/*
 * The headers of a plain tar, read by a second thread before they are asked for: it follows them
 * from one to the next by the sizes that they tell (tar(5)), so that whoever parses them does not
 * wait for each. It is a guess about what is read next and nothing else: where it is wrong, or
 * behind, the file is read when it is asked for.
 */
#ifndef IMGBUILD_DISK_HEADERS_H
#define IMGBUILD_DISK_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#define HEADERS_BYTES ((size_t)2 << 10) /* read from each header on */

struct headers;

/*
 * Begin with the file's first header. The file is only read, with pread(2), and stays the caller's.
 * The thread takes no signals. NULL: it could not be begun, which costs nothing but time.
 */
struct headers *headers_begin(int fd);

/* Ends the thread. Takes NULL. */
void headers_end(struct headers *h);

/*
 * What was read from `offset` on: how many bytes, which hold until the next call; 0: it was not, or
 * not yet. Offsets may only rise. `h` may be NULL.
 */
size_t headers_take(struct headers *h, uint64_t offset, const void **ret);

#endif
