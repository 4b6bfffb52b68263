/* allocate.c: new objects. */
#include "heap/heap.h"

Obj alloc_flagged(Thread *t, Type type, unsigned flags, uint64_t length, Obj fill) {
    Obj header = header_make(type, flags, length);
    size_t bytes = header_bytes(header);
    Obj *p = (Obj *)(void *)heap_allocate(t, bytes);
    p[0] = header;
    for (size_t i = 1; i < bytes / 8; i++) p[i] = fill;
    return obj_of_address(p);
}

Obj alloc_boxed(Thread *t, Type type, uint64_t length, Obj fill) { return alloc_flagged(t, type, 0, length, fill); }

Obj alloc_raw(Thread *t, Type type, uint64_t length) {
    Obj header = header_make(type, 0, length);
    size_t bytes = header_bytes(header);
    Obj *p = (Obj *)(void *)heap_allocate(t, bytes);
    p[0] = header;
    memset(p + 1, 0, bytes - 8);
    return obj_of_address(p);
}

Obj alloc_text(Thread *t, const char *text) {
    size_t n = strlen(text);
    Obj s = alloc_raw(t, TYPE_BASE_STRING, n);
    memcpy(obj_raw(s), text, n);
    return s;
}

Obj alloc_list(Thread *t, uint32_t count, const Obj *items) {
    Obj list = NIL;
    for (uint32_t i = count; i-- > 0;) list = alloc_cons(t, items[i], list);
    return list;
}
