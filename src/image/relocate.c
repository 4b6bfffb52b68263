/* relocate.c: a whole area gets other addresses, or builtins other numbers.

   Needed when a preferred address of an image is taken, when a process whose heap lies elsewhere saves one, and when the runtime's builtins are not
   numbered as in the image.  One walk over all words; weak references are words like any other here.  The pure area has no words to adjust.

   A key's hash code is its address, in some tables; when addresses change, entries of such tables are marked as the collector marks
   them (HASH_MOVED, ENTRIES_STALE: heap.h), and the next operation on the table puts them right. */
#include "image/format.h"

Obj relocate_word(const Relocation *r, Obj x) {
    if (is_ref(x)) {
        if (x.w - r->dynamic.from < r->dynamic.bytes) return (Obj){x.w + r->dynamic.delta};
        return x.w - r->pure.from < r->pure.bytes ? ((Obj){x.w + r->pure.delta}) : x;
    }
    if (r->builtins && is_builtin(x) && builtin_of_obj(x) < r->builtin_count) return obj_of_builtin(r->builtins[builtin_of_obj(x)]);
    return x;
}

void relocate_words(const Relocation *r, Obj *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Obj x = relocate_word(r, words[i]);
        if (!eq(x, words[i])) words[i] = x;
    }
}

void table_mark_moved(Obj *words, Obj index) {
    Obj header = words[0];
    uint64_t capacity = (header_length(header) - ENTRIES_PAIRS) / 2;
    uint32_t *hash = (uint32_t *)obj_raw(index) + obj_length(index) - capacity;
    for (uint64_t i = 0; i < capacity; i++)
        if (!eq(words[1 + ENTRIES_PAIRS + 2 * i], EMPTY)) hash[i] |= HASH_MOVED;
    words[0] = header_make(header_type(header), header_flags(header) | ENTRIES_STALE, header_length(header));
}

void relocate_objects(const Relocation *r, void *from, size_t bytes) {
    uint64_t here = (uint64_t)(uintptr_t)from; /* the area itself lies here, whatever its words are to become */
    for (char *p = from, *end = p + bytes; p < end;) {
        Obj *words = (Obj *)(void *)p;
        if (!is_header(words[0])) {
            relocate_words(r, words, 2);
            p += 16;
            continue;
        }
        Obj header = words[0];
        size_t size = header_bytes(header);
        if (relocation_moves(r) && header_type(header) == TYPE_HASH_ENTRIES && header_flags(header) & ENTRIES_BY_ADDRESS) {
            uint64_t index = words[1 + ENTRIES_INDEX].w; /* not relocated yet: an address as the area's words have them, [r->dynamic.from ...) */
            table_mark_moved(words, (Obj){index - r->dynamic.from + here});
        }
        if (shapes[header_type(header)].layout != LAYOUT_RAW) relocate_words(r, words + 1, header_length(header));
        p += size;
    }
}
