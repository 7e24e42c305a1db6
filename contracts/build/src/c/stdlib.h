/* What a module in C gets of the standard library: memory, which is never given back before the call ends. */
#ifndef POLLEN_STDLIB_H
#define POLLEN_STDLIB_H
#include <stddef.h>
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
_Noreturn void abort(void);
#endif
