/* space.h: the heap's own structures and the arithmetic of its side tables.  Private to room heap; the theory is in docs/gc.md.

   Three tables lie beside the dynamic area, indexed by distance from its start:

       marks        1 bit a granule (16 bytes): all granules of an object that is alive; zero between collections
       relocation   1 entry a block (1 KB = 64 granules = one word of marks): where the block's first live granule goes
       remembered   1 bit a granule that may hold a reference to a younger generation; `summary` has 1 bit for 256 of those

   so that the new address of a live object is   relocation[block] + the number of marks in the block below it.

   Generations are four bases, oldest first; a collection of generation k takes everything from base[k] up:

       start = base[3]      base[2]      base[1]      base[0]          free                 soft_end      end
         | tenured ...        | g2 ...     | g1 ...     | g0 ...         |  free ...            | reserve      | */
#ifndef SPACE_H
#define SPACE_H

#include "heap/heap.h"

enum {
    GRANULE = 16,                  /* bytes */
    BLOCK = 1024,                  /* bytes under one word of marks */
    LARGE = 32 * 1024,             /* objects of this size start at a block and are moved only when it pays */
    FULL = 3,                      /* the generation number of a full collection */
    ROOTS_MOST = 32, HOOKS_MOST = 16
};

/* How far exhaustion has got; see allocate.c. */
typedef enum Shortage { SHORTAGE_NONE, SHORTAGE_ASKED, SHORTAGE_COLLECTED } Shortage;

/* TERMINATE-WHEN-UNREACHABLE: an object, not kept alive by being here, and a function, kept alive by the object. */
typedef struct Finalizer {
    Obj object, function;
} Finalizer;

typedef struct FinalizerTable {
    Finalizer *items;
    size_t count, capacity;
    size_t old; /* the first so many are all tenured: an ephemeral collection need not look at them */
} FinalizerTable;

/* The pure area (pure.c).  [start, free) is read-only, the rest inaccessible. */
typedef struct PureArea {
    char *start, *free, *end; /* all NULL until it is reserved */
    size_t chosen;            /* bytes that `pure_choose` has taken */
    WordStack blocks;         /* addresses of those of them that lie in foreign blocks, as they were met */
    uint64_t *sorted, *block_copies; /* the same sorted, each once, `sorted_count` of them; and the addresses of their copies */
    size_t sorted_count;
    uint64_t *starts;         /* 1 bit a granule where an object starts, up to `noted`; NULL until somebody asks */
    char *noted;
} PureArea;
/* Memory outside the heap and the object that owns it: see foreign.c. */
typedef struct Foreign {
    Obj owner;
    void *data;
    size_t bytes;
    ForeignRelease release;
} Foreign;

typedef struct ForeignTable {
    Foreign *items;
    size_t count, capacity;
    size_t bytes, fresh; /* of all; of those added since the last collection */
} ForeignTable;

struct Heap {
    Thread *thread;
    char *start, *end, *soft_end; /* soft_end: allocation ends here until exhaustion has been signalled */
    size_t reserve;
    uintptr_t base[4];
    size_t threshold[3];          /* cumulative, in bytes */
    bool egc;                     /* ephemeral collections are enabled */
    bool adopted;                 /* the static page is an image's */
    char *touched;                /* memory above it has never been written, or was given back */

    uint64_t *marks, *remembered, *summary, *large;
    uint32_t *relocation;

    /* during a collection */
    uintptr_t from, mark_end;     /* objects in [from, mark_end) are collected */
    uintptr_t moved_from;         /* nothing below it moves */
    WordStack stack;              /* of the marker */
    uintptr_t overflow;           /* lowest object that the full stack made us drop; 0: none */
    Obj weak_tables, weak_pointers; /* those met in this collection, linked through their link slots; NIL ends */
    struct TriggerMap *triggers;  /* see weak.c */
    uint64_t marked_any;          /* counts objects marked */

    WordStack tables;             /* weak and address-hashed HASH_ENTRIES below base[0], by address */
    size_t old_tables;            /* the first so many lie below what is collected */
    WordStack touched_tables;     /* the weak ones among them that lie below `from` and have remembered granules */
    struct {
        uintptr_t from, to;       /* for addresses in [from, to) the last answer of weak_old_table is good */
        Obj *table;
    } last_table;
    FinalizerTable finalizers, ready;
    PureArea pure;
    HeapWork work;                /* what heap_request_work asked for, or NULL */
    ForeignTable foreign;
    WordStack path;               /* of the last WHY-LIVE */

    /* policy */
    HeapShadow shadow;            /* NULLs: no handle exists */
    HeapPhase phase;
    bool moves_tenured;
    int requested;                /* the generation that (GC) asked for; -1: none */
    size_t growth_least;          /* LISP-HEAP-GC-THRESHOLD */
    uintptr_t full_at;            /* a full collection is due when base[2] reaches it */
    Shortage shortage;
    bool compact;                 /* the next full collection leaves no gaps */
    bool frugal;                  /* the one that is going on gives back the nursery */

    /* statistics */
    HeapStatistics statistics;
    bool verbose, verbose_full;

    /* torture */
    unsigned torture;
    uint64_t torture_allocations; /* allocations until one fails; 0: off */
    bool torture_gap;
    uintptr_t verify_from;

    struct {
        RootScanner scan;
        void *data;
    } roots[ROOTS_MOST];
    AfterCollection hooks[HOOKS_MOST];
    AfterCollection prepare; /* before a full collection, or NULL */
    unsigned root_count, hook_count;
};

/* -- Arithmetic -- */

static inline size_t granule_of(const Heap *h, uintptr_t at) { return (at - (uintptr_t)h->start) / GRANULE; }
static inline uintptr_t address_of_granule(const Heap *h, size_t g) { return (uintptr_t)h->start + g * GRANULE; }
static inline bool bit_test(const uint64_t *bits, size_t i) { return bits[i >> 6] >> (i & 63) & 1; }
static inline void bit_set(uint64_t *bits, size_t i) { bits[i >> 6] |= UINT64_C(1) << (i & 63); }
static inline void bit_clear(uint64_t *bits, size_t i) { bits[i >> 6] &= ~(UINT64_C(1) << (i & 63)); }
static inline uint64_t bits_below(size_t i) { return (UINT64_C(1) << (i & 63)) - 1; }

/* Is x a reference into [from, from + span)?  Fixnums, immediates, NIL and the static page are not. */
static inline bool refers_into(Obj x, uintptr_t from, size_t span) { return x.w - from < span && is_ref(x); }
static inline bool in_dynamic(const Heap *h, Obj x) { return refers_into(x, (uintptr_t)h->start, (size_t)(h->end - h->start)); }
/* Bytes of the object or cons at p. */
static inline size_t bytes_at(const Obj *p) { return is_header(*p) ? header_bytes(*p) : GRANULE; }
/* The reference to what starts at p. */
static inline Obj reference_to(const Obj *p) { return is_header(*p) ? obj_of_address(p) : cons_of_address(p); }

/* Before all objects are looked at. */
static inline void recall_places(const Heap *h) {
    if (h->shadow.recall) h->shadow.recall(h->thread);
}

static inline bool is_marked(const Heap *h, Obj x) { return bit_test(h->marks, granule_of(h, address_of(x))); }
/* False only of what this collection has not reached: what it does not collect is alive. */
static inline bool is_alive(const Heap *h, Obj x) {
    if (refers_into(x, h->from, h->mark_end - h->from)) return is_marked(h, x);
    return !is_handle(x) || h->from != (uintptr_t)h->start || h->shadow.alive(h->thread, x);
}

static inline uintptr_t forward_address(const Heap *h, uintptr_t at) {
    size_t g = granule_of(h, at);
    return address_of_granule(h, h->relocation[g >> 6] + (size_t)bits_count(h->marks[g >> 6] & bits_below(g)));
}
static inline Obj forward(const Heap *h, Obj x) {
    if (!refers_into(x, h->moved_from, h->mark_end - h->moved_from)) return x;
    return (Obj){forward_address(h, address_of(x)) | (x.w & TAG_MASK)};
}

/* Does a slot at `at` holding v break heap.age unless it is remembered? */
static inline bool crosses(const Heap *h, uintptr_t at, Obj v) {
    if (v.w < h->base[2] || !is_ref(v) || v.w >= (uintptr_t)h->end) return false;
    return at < h->base[2] || (v.w >= h->base[1] && at < h->base[1]) || (v.w >= h->base[0] && at < h->base[0]);
}

/* Is this torture asked for?  Never in the slim runtime. */
static inline bool is_tortured(const Heap *h, unsigned flag) { return WHOLE && h->torture & flag; }

static inline void filler_put(void *from, size_t bytes) { *(Obj *)from = header_make(TYPE_FILLER, 0, (bytes - 8) / 8); }

/* -- HASH_ENTRIES: see the protocol in docs/gc.md -- */

static inline uint64_t entries_capacity(const Obj *words) { return (header_length(words[0]) - ENTRIES_PAIRS) / 2; }
static inline Obj *entries_key(Obj *words, uint64_t i) { return words + 1 + ENTRIES_PAIRS + 2 * i; }
static inline bool entries_are_weak(Obj header) { return header_flags(header) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE); }
/* Must the collector know the table by name? */
static inline bool entries_are_listed(Obj header) {
    return header_flags(header) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE | ENTRIES_BY_ADDRESS);
}
/* The entries that granule k of a table has a part of: its second word is the key of one, its first the value of the one before.  Granule 0
   holds header and link, granule 1 the index vector and key 0. */

/* -- barrier.c -- */

/* Calls `visit` for each remembered granule in [from, to); a granule for which it returns false is forgotten. */
typedef bool (*GranuleVisitor)(Heap *h, Obj *pair, void *data);
void remembered_walk(Heap *h, uintptr_t from, uintptr_t to, GranuleVisitor visit, void *data);
void remembered_set(Heap *h, size_t granule);
/* After sliding: carries the bits of [from, mark_end) along with their granules, and forgets those of the dead. */
void remembered_relocate(Heap *h, uintptr_t from);
/* Forgets what is remembered of dead granules in [from, to). */
void remembered_drop_dead(Heap *h, uintptr_t from, uintptr_t to);

/* -- mark.c -- */

/* Marks what x refers to, and puts it on the stack. */
void mark_reference(Heap *h, Obj x);
/* The same for the words of [p, end). */
void mark_range(Heap *h, const Obj *p, const Obj *end);
/* Marks everything reachable from the stack. */
void mark_drain(Heap *h);
void mark_roots(Heap *h);

/* -- weak.c -- */

void weak_begin(Heap *h);
/* The marker has met an unmarked weak object; all its granules are marked. */
void weak_found(Heap *h, Obj *words);
/* In trigger mode: x has just been marked. */
void weak_reached(Heap *h, Obj x);
/* The listed table below `from` in which the address lies, or NULL. */
Obj *weak_old_table(Heap *h, uintptr_t at);
/* A remembered granule below `from`: if it is part of a weak table, the table is noted, and true returned. */
bool weak_touched(Heap *h, Obj *pair);
/* Marks what weak tables and finalizers keep alive, to the fixpoint. */
void weak_mark(Heap *h);
/* Breaks what is dead and unlinks everything. */
void weak_break(Heap *h);
/* Old tables: their remembered slots, forwarded; then the list of tables itself. */
void weak_forward_old(Heap *h, uintptr_t to);
void weak_forward_tables(Heap *h);
/* Forwards the keys and values of a table at `words` (not yet moved; the slide has got as far as `words`). */
void weak_forward_entries(Heap *h, Obj *words);

/* Notes that the key of the entry is another address now. */
void entries_note_moved(Obj *words, uint64_t entry);

/* -- pure.c -- */

/* Is x, which lies in the pure area, a reference to an object there? */
bool pure_is_start(Heap *h, Obj x);

/* -- finalize.c -- */

void finalizer_push(FinalizerTable *table, Obj object, Obj function);
/* An ephemeron: if `waits` is alive, so is `held`. */
typedef void (*WaitVisitor)(Heap *h, Obj waits, Obj held);
void finalizers_each(Heap *h, WaitVisitor visit);
/* The ready list is a root. */
void finalizers_mark(Heap *h);
/* Moves those that are due to the ready list, and marks them; true if there are any. */
bool finalizers_find(Heap *h);
void finalizers_forward(Heap *h);
void finalizers_tenure(Heap *h);

/* -- foreign.c -- */

/* Releases what nothing owns any more; marking is over. */
void foreign_release_dead(Heap *h);
void foreign_forward(Heap *h);

/* -- slide.c -- */

/* Computes where everything in [from, mark_end) goes; returns the new free address. */
uintptr_t slide_plan(Heap *h, uintptr_t from);
void slide_forward_slots(void *heap, Obj *slots, size_t count, const char *name);
/* Forwards the slots of all live objects in [from, mark_end) and moves them. */
void slide_run(Heap *h, uintptr_t from);
/* Makes fillers of all dead granules in [from, to). */
void slide_fill_gaps(Heap *h, uintptr_t from, uintptr_t to);

/* -- collect.c -- */
#define ROOT_STATIC_SYMBOLS "static symbols"
void heap_visit_roots(Heap *h, RootVisitor visit, void *data);

/* -- verify.c -- */
/* heap_verify of what lies at or above `from`, a generation's base. */
size_t verify_above(Heap *h, uintptr_t from);

/* -- torture.c -- */
void torture_verify(Heap *h, int generation);
void torture_read_environment(Heap *h);
void torture_poison(Heap *h, uintptr_t from, uintptr_t to);

#endif
