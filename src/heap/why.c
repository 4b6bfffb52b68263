/* why.c: who keeps what: shortest paths from the roots, and a census by type.

   The path is found by a breadth-first walk with the mark bitmap as the set of what was seen (it is clear between collections and cleared
   again afterwards).  The queue keeps, for each object seen, the entry that led to it and the slot; it is apart from the heap, since nothing
   may be allocated while the marks are in use.

   A swapped array is looked into where it is; which were seen is told by bits of their own.

   Weak references are not followed; of an entry of a weak table the strong half is.  What only the control stack, special bindings or the values of
   the last call keep is asked last, since they hold the object that is asked about, or the form that asks.  What a package holds is looked at only when nothing else leads on: that it holds its
   symbols, and so everything with a name, is true but tells little. */
#include "heap/space.h"

#include <stdlib.h>

enum { NAMES_MOST = 64 };
#define NO_PARENT UINT32_MAX

/* The queue: two words an entry, the reference, then the parent's number and the slot (or, of a root, NO_PARENT and the root's number). */
typedef struct Search {
    Heap *heap;
    WordStack queue;
    const char *names[NAMES_MOST];
    uint32_t name_count;
    Obj outside; /* the object that is asked about, if it lies in no area with marks; NIL once it has been seen */
    WordStack packages; /* entries of packages, while they wait */
    uint64_t *handles;   /* a bit for each index of a handle below handle_words * 64: seen */
    size_t handle_words;
    bool late;     /* the last phase: roots that are asked last */
    bool through;  /* what packages hold is seen too */
    bool failed;
} Search;

static bool is_late_root(const char *name) {
    return !strcmp(name, "control stack") || !strcmp(name, "special bindings") || !strcmp(name, "saved special bindings") || !strcmp(name, "values") || !strcmp(name, "arguments of an error");
}

/* Is the handle seen for the first time? */
static bool handle_see(Search *s, Obj handle) {
    size_t index = handle_index(handle);
    if (index / 64 >= s->handle_words) {
        size_t count = 2 * (index / 64) + 1;
        uint64_t *p = realloc(s->handles, 8 * count);
        if (!p) {
            s->failed = true;
            return false;
        }
        memset(p + s->handle_words, 0, 8 * (count - s->handle_words));
        s->handles = p;
        s->handle_words = count;
    }
    if (bit_test(s->handles, index)) return false;
    bit_set(s->handles, index);
    return true;
}

static void search_see(Search *s, Obj x, uint32_t parent, uint64_t slot) {
    if (is_handle(x)) {
        if (!handle_see(s, x)) return;
    } else if (!in_dynamic(s->heap, x)) {
        if (is_nil(s->outside) || !eq(x, s->outside)) return;
        s->outside = NIL;
    } else {
        if (is_marked(s->heap, x)) return;
        bit_set(s->heap->marks, granule_of(s->heap, address_of(x)));
    }
    if (s->queue.count / 2 >= NO_PARENT || !words_push(&s->queue, x.w) ||
        !words_push(&s->queue, (uint64_t)parent << 32 | (slot < UINT32_MAX ? slot : UINT32_MAX)))
        s->failed = true;
}

static void search_see_root(void *data, Obj *slots, size_t count, const char *name) {
    Search *s = data;
    if (is_late_root(name) != s->late || !strcmp(name, ROOT_SHADOW)) return; /* what a handle that is found stands for is a part of the path */
    uint32_t i = 0;
    while (i < s->name_count && strcmp(s->names[i], name) != 0) i++;
    if (i == s->name_count) {
        must(i < NAMES_MOST);
        s->names[s->name_count++] = name;
    }
    if (strcmp(name, ROOT_STATIC_SYMBOLS) != 0) {
        for (size_t k = 0; k < count; k++) search_see(s, slots[k], NO_PARENT, i);
        return;
    }
    for (size_t k = 0; k < count; k += SYMBOL_BYTES / 8) /* the symbols themselves, which lie in no area with marks */
        if (!words_push(&s->queue, obj_of_address(slots + k).w) || !words_push(&s->queue, (uint64_t)NO_PARENT << 32 | i)) s->failed = true;
}

typedef struct PartSearch {
    Search *search;
    uint32_t entry;
} PartSearch;

static void search_see_part(void *data, Obj *slots, size_t count, const char *name) {
    const PartSearch *part = data;
    (void)name;
    for (size_t k = 0; k < count; k++) search_see(part->search, slots[k], part->entry, k);
}

/* Sees what the object of queue entry `i` refers to. */
static void search_expand(Search *s, uint32_t i) {
    Obj x = {s->queue.items[2 * (size_t)i]};
    if (is_handle(x)) {
        s->heap->shadow.look(s->heap->thread, x, search_see_part, &(PartSearch){s, i});
        return;
    }
    if (!is_obj(x)) {
        search_see(s, car(x), i, 0);
        search_see(s, cdr(x), i, 1);
        return;
    }
    Type type = obj_type(x);
    unsigned flags = obj_flags(x) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE);
    if (type == TYPE_PACKAGE && !s->through) {
        if (!words_push(&s->packages, i)) s->failed = true;
        return;
    }
    if (shapes[type].layout == LAYOUT_RAW || type == TYPE_WEAK_POINTER) return;
    for (uint64_t k = 0; k < obj_length(x); k++) {
        if (type == TYPE_HASH_ENTRIES && k >= ENTRIES_PAIRS && flags & ((k - ENTRIES_PAIRS) & 1 ? ENTRIES_WEAK_VALUE : ENTRIES_WEAK_KEY)) continue;
        search_see(s, obj_slots(x)[k], i, k);
    }
}

/* The number of x's entry, or NO_PARENT. */
static uint32_t search_run(Search *s, Obj x) {
    uint32_t done = 0;
    for (int phase = 0; phase < 3; phase++) {
        s->late = phase == 2;
        s->through = phase > 0;
        if (phase != 1) heap_visit_roots(s->heap, search_see_root, s);
        for (size_t i = 0; phase == 1 && i < s->packages.count; i++) search_expand(s, (uint32_t)s->packages.items[i]);
        for (; done < s->queue.count / 2 && !s->failed; done++) {
            if (s->queue.items[2 * (size_t)done] == x.w) return done;
            search_expand(s, done);
        }
    }
    return NO_PARENT;
}

Obj heap_why_live(Thread *t, Obj x) {
    Heap *h = t->heap;
    Search s = {.heap = h, .outside = pure_contains(h, (const void *)address_of(x)) ? x : NIL};
    const char *root = NULL;
    recall_places(h);
    h->path.count = 0;
    for (uint32_t i = is_ref(x) || is_handle(x) ? search_run(&s, x) : NO_PARENT; i != NO_PARENT;) {
        uint64_t from = s.queue.items[2 * (size_t)i + 1];
        words_push(&h->path, s.queue.items[2 * (size_t)i]);
        i = (uint32_t)(from >> 32);
        if (i == NO_PARENT) root = s.names[(uint32_t)from];
        else words_push(&h->path, (uint64_t)obj_of_fix((int64_t)(uint32_t)from).w);
    }
    memset(h->marks, 0, 8 * ((granule_of(h, (uintptr_t)t->free) >> 6) + 1));
    words_release(&s.queue);
    words_release(&s.packages);
    free(s.handles);
    Obj list = NIL;
    for (size_t i = 0; i < h->path.count; i++) list = alloc_cons(t, (Obj){h->path.items[i]}, list);
    return root ? alloc_cons(t, alloc_text(t, root), list) : NIL;
}

void heap_census(const Heap *h, int generation, Census *census) {
    *census = (Census){0};
    must(generation > 0 && generation <= FULL);
    const char *p = (const char *)h->base[generation], *end = (const char *)h->base[generation - 1];
    while (p < end) {
        Obj head = *(const Obj *)(const void *)p;
        size_t bytes = bytes_at((const Obj *)(const void *)p);
        int type = is_header(head) ? (int)header_type(head) : TYPE_COUNT;
        census->count[type]++;
        census->bytes[type] += bytes;
        p += bytes;
    }
}

void heap_each_object(const Heap *h, ObjectVisitor visit, void *data) {
    recall_places(h);
    const char *p = h->start, *end = (const char *)h->base[0];
    while (p < end) {
        const Obj *words = (const Obj *)(const void *)p;
        visit(data, reference_to(words));
        p += bytes_at(words);
    }
}
