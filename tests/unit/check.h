/* What every unit test includes: cmocka with the headers it wants before it. */
#ifndef IMGBUILD_TESTS_CHECK_H
#define IMGBUILD_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* behind those four */
#include <cmocka.h>

#endif
