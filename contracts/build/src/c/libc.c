/* The little of a C library that a module needs. Every call runs in a fresh instance, so memory is never
 * given back: the allocator only moves a mark forward, as the Rust SDK's does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 65536u
#define ALIGN 8u

extern unsigned char __heap_base; /* the linker's mark: the first byte after the stack and the data */

static uintptr_t next; /* first free byte; 0 before the first block */

static void *bump(size_t size, size_t align) {
    uintptr_t start = next ? next : (uintptr_t)&__heap_base;
    start = (start + align - 1) & ~(uintptr_t)(align - 1);
    uintptr_t end;
    if (__builtin_add_overflow(start, size, &end)) return NULL;
    uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE_BYTES;
    if (end > have) {
        size_t pages = (end - have + PAGE_BYTES - 1) / PAGE_BYTES;
        if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) return NULL;
    }
    next = end;
    return (void *)start;
}

/* What the host allocates arguments and results with: it says how large the old block was, so blocks need no
 * header. The generated bindings bring a weak one, which this replaces. */
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *block, size_t old_size, size_t align, size_t size) {
    if (size == 0) return (void *)align;
    void *fresh = bump(size, align < ALIGN ? align : ALIGN);
    if (!fresh) __builtin_trap();
    if (block && old_size) memcpy(fresh, block, old_size < size ? old_size : size);
    return fresh;
}

/* A block of malloc is preceded by its size, so that realloc knows how much to copy. */
void *malloc(size_t size) {
    if (size > SIZE_MAX - ALIGN) return NULL;
    size_t *head = bump(size + ALIGN, ALIGN);
    if (!head) return NULL;
    *head = size;
    return (unsigned char *)head + ALIGN;
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return malloc(bytes); /* fresh memory is zero */
}

void *realloc(void *block, size_t size) {
    void *fresh = malloc(size);
    if (block && fresh) {
        size_t old_size = *(size_t *)((unsigned char *)block - ALIGN);
        memcpy(fresh, block, old_size < size ? old_size : size);
    }
    return fresh;
}

void free(void *block) { (void)block; }

_Noreturn void abort(void) { __builtin_trap(); }

/* Single instructions of the machine, with bulk memory. */
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) { return __builtin_memmove(to, from, size); }

void *memset(void *block, int byte, size_t size) { return __builtin_memset(block, byte, size); }

int memcmp(const void *one, const void *other, size_t size) {
    const unsigned char *a = one, *b = other;
    for (size_t at = 0; at < size; at++) {
        if (a[at] != b[at]) return a[at] < b[at] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}
