#include "bundle/fetch.h"

/* Kept as a file of its own, so that it can be read and tested as the Python that it is. */
__asm__(".pushsection .rodata\n"
	".global FETCH_SCRIPT\n"
	"FETCH_SCRIPT:\n"
	".incbin \"builder/bundle/fetch.py\"\n"
	".global FETCH_SCRIPT_END\n"
	"FETCH_SCRIPT_END:\n"
	".byte 0\n"
	".popsection\n");
