/* swap.c: arrays: stored, fetched, evicted, copied. */
#include "swap/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIME_UNIT = 64 };

/* -- Storing -- */

/* Sizes of the parts; false if there are no parts, or none with references behind a raw one. */
static uint64_t parts_measure(const Obj *parts, uint32_t count, uint64_t *boxed) {
    uint64_t size = 0;
    *boxed = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool raw = is_obj(parts[i]) && shapes[obj_type(parts[i])].layout == LAYOUT_RAW;
        uint64_t granules = is_obj(parts[i]) ? header_bytes(obj_header(parts[i])) / GRANULE : 1;
        must(raw || size == *boxed);
        size += granules;
        if (!raw) *boxed += granules;
    }
    return size;
}

/* Copies the parts to p, one behind the other, with references among them to where they are now. */
static void parts_copy(const Obj *parts, uint32_t count, char *p, size_t boxed_bytes) {
    uintptr_t places[64], at = (uintptr_t)p;
    must(count <= COUNT_OF(places));
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = is_obj(parts[i]) ? header_bytes(obj_header(parts[i])) : GRANULE;
        memcpy((void *)at, (void *)address_of(parts[i]), bytes);
        if (is_obj(parts[i]) && shapes[obj_type(parts[i])].layout != LAYOUT_RAW && !(obj_length(parts[i]) & 1))
            ((Obj *)at)[1 + obj_length(parts[i])] = obj_of_fix(0); /* mark.pad */
        places[i] = at;
        at += bytes;
    }
    for (Obj *w = (Obj *)(void *)p; (char *)w < p + boxed_bytes; w++)
        for (uint32_t i = 0; is_ref(*w) && i < count; i++)
            if (eq(*w, parts[i])) {
                w->w = places[i] | (w->w & TAG_MASK);
                break;
            }
}

Obj swap_store(Thread *t, Type storage, bool vector, const Obj *parts, uint32_t count, uint32_t note, unsigned flags, SwapFault *fault) {
    Swap *s = swap_of(t);
    uint64_t boxed, size = parts_measure(parts, count, &boxed), index;
    Type type = flags & SWAP_CONSTANT ? TYPE_CODE : obj_type(parts[0]);
    *fault = SWAP_FULL;
    if (size < UINT32_MAX) pack_count(s, (uint32_t)size);
    if (size >= UINT32_MAX || !block_reserve(s, size * GRANULE) || !(index = handle_take(s))) return NIL;
    SwapEntry *e = &s->entries[index];
    *e = (SwapEntry){.size = (uint32_t)size, .boxed = (uint32_t)boxed, .note = note, .type = (uint8_t)type, .flags = (uint8_t)flags, .detail = (uint16_t)(storage << 1 | vector)};
    char *p = block_scratch(s, size * GRANULE);
    parts_copy(parts, count, p, boxed * GRANULE);
    if (!block_stow(s, e, p, p) || !block_write(s, e, p)) {
        handle_release(s, e);
        return NIL;
    }
    if (e->links) entry_note_young(s, e);
    handle_reckon(s, e);
    *fault = SWAP_FINE;
    return entry_handle(s, e);
}

SwapFault swap_replace(Thread *t, Obj handle, const Obj *parts, uint32_t count) {
    Swap *s = swap_of(t);
    SwapEntry *e = swap_entry(t, handle), new = *e;
    uint64_t boxed, size = parts_measure(parts, count, &boxed);
    if (size >= UINT32_MAX || !block_reserve(s, size * GRANULE)) return SWAP_FULL;
    char *p = block_scratch(s, size * GRANULE);
    parts_copy(parts, count, p, boxed * GRANULE);
    new.size = (uint32_t)size;
    new.boxed = (uint32_t)boxed;
    new.links = NULL;
    if (!block_stow(s, &new, p, p)) return SWAP_FULL;
    if (!block_write(s, &new, p)) {
        free(new.links);
        return SWAP_FULL;
    }
    if (e->place) buffer_drop(s, e);
    free(e->links);
    new.place = NULL;
    new.hits = e->hits;
    new.used = e->used;
    *e = new;
    if (e->links) entry_note_young(s, e);
    return SWAP_FINE;
}

Obj swap_handle_of(const Thread *t, Obj x) {
    if (!is_obj(x) || !swap_contains(obj_words(x))) return NIL;
    const Swap *s = t->world->swap;
    const SwapHeader *h = (const SwapHeader *)(const void *)obj_words(x) - 1;
    if (!h->owner || h->owner > s->count || s->entries[h->owner].place != (char *)obj_words(x)) return NIL;
    return entry_handle(s, &s->entries[h->owner]);
}

/* -- Eviction -- */

SwapFault entry_evict(Swap *s, SwapEntry *e) {
    char *place = e->place;
    if (!block_stow(s, e, place, place)) return SWAP_FULL;
    bool changed = block_check_boxed(e, place) != e->check_boxed || (!(e->flags & SWAP_CONSTANT) && block_check_raw(e, place) != e->check_raw);
    if (changed && !block_write(s, e, place)) {
        block_settle(e, place, place);
        return SWAP_FULL;
    }
    if (e->links) entry_note_young(s, e);
    buffer_drop(s, e);
    s->evictions++;
    return SWAP_FINE;
}

/* -- Fetching -- */

static bool entry_fetch(Swap *s, SwapEntry *e, bool pinned, SwapFault *fault) {
    uint64_t started = clock_nanoseconds();
    char *place = buffer_take(s, e->size, pinned, fault);
    if (!place) return false;
    *fault = block_read(s, e, place);
    if (*fault != SWAP_FINE) return false; /* the run has no owner: it is free */
    e->place = place;
    swap_header(e)->owner = (uint32_t)swap_index(s, e);
    block_settle(e, place, place);
    uint64_t spent = clock_nanoseconds() - started, time = e->time + spent / TIME_UNIT;
    e->time = time < UINT32_MAX ? (uint32_t)time : UINT32_MAX;
    e->flags |= SWAP_MOVED;
    e->fetches++;
    s->fetches++;
    s->nanoseconds += spent;
    return true;
}

size_t swap_pins(const Thread *t) { return t->world->swap ? t->world->swap->pins.count : 0; }
void swap_unpin(Thread *t, size_t mark) {
    if (mark < swap_pins(t)) t->world->swap->pins.count = mark;
}
void swap_begin(Thread *t) { swap_unpin(t, 0); }

bool swap_try(Thread *t, Obj handle, SwapFault *fault) {
    Swap *s = swap_of(t);
    SwapEntry *e = swap_entry(t, handle);
    if (!e->place && !entry_fetch(s, e, true, fault)) return false;
    swap_use(t, e);
    if (!words_push(&s->pins, handle_index(handle))) must_die("no memory for the list of swapped arrays in use");
    *fault = SWAP_FINE;
    return true;
}

Obj swap_fetch(Thread *t, Obj handle) {
    SwapFault fault;
    SwapEntry *e = swap_entry(t, handle);
    if (!swap_try(t, handle, &fault)) swap_signal(t, handle, fault);
    if (e->type == TYPE_HASH_TABLE && e->flags & SWAP_MOVED) compound_refresh(e);
    return swap_object(e);
}

/* Fetches code; false, with the fault in t->swap_fault, if that fails. */
static bool code_fetch(Swap *s, SwapEntry *e, bool again) {
    SwapFault fault;
    s->pins.count = 0;
    s->reserve += again;
    bool fetched = entry_fetch(s, e, false, &fault);
    s->reserve -= again;
    if (!fetched) s->thread->swap_fault = fault;
    return fetched;
}

SwapEntry *swap_enter(Thread *t, Obj handle, bool again) {
    Swap *s = t->world->swap;
    SwapEntry *e = swap_entry(t, handle);
    if (!e->place && !code_fetch(s, e, again)) return NULL;
    swap_header(e)->used = t->swap_clock;
    if (!again || !s->counting) swap_header(e)->hits++;
    return e;
}

/* -- Copies and looks -- */

/* A copy of the block in scratch memory, settled for the place where it will be. */
static SwapFault block_duplicate(Swap *s, SwapEntry *e, char *p, const char *place) {
    if (e->place) {
        memcpy(p, e->place, (size_t)e->size * GRANULE);
        block_move(e, p, e->place, place);
        return SWAP_FINE;
    }
    SwapFault fault = block_read(s, e, p);
    if (fault == SWAP_FINE) block_fill(e, p, place);
    return fault;
}

Obj swap_copy(Thread *t, Obj handle, Obj *raw, SwapFault *fault) {
    Swap *s = swap_of(t);
    SwapEntry *e = swap_entry(t, handle);
    size_t bytes = (size_t)e->size * GRANULE;
    char *copy = heap_allocate(t, bytes), *p = block_scratch(s, bytes);
    *fault = block_duplicate(s, e, p, copy);
    if (*fault != SWAP_FINE) {
        *(Obj *)(void *)copy = header_make(TYPE_FILLER, 0, (bytes - 8) / 8);
        return NIL;
    }
    memcpy(copy, p, bytes);
    if (raw) *raw = obj_of_address(copy + (size_t)e->boxed * GRANULE);
    return obj_of_address(copy);
}

Obj swap_look(Thread *t, Obj handle) {
    Swap *s = swap_of(t);
    SwapEntry *e = swap_entry(t, handle);
    if (e->place) return swap_object(e);
    char *p;
    if (block_read_boxed(s, e, &p) != SWAP_FINE) return NIL;
    block_fill(e, p, p);
    return obj_of_address(p);
}

bool swap_peek(Thread *t, Obj handle, void *to, size_t bytes) {
    if (!WHOLE) return false; /* the slim runtime has no swapper */
    Swap *s = swap_of(t);
    SwapEntry *e = swap_entry(t, handle);
    size_t most = (size_t)(e->size - e->boxed) * GRANULE;
    if (bytes > most) bytes = most;
    if (e->place) {
        memcpy(to, e->place + (size_t)e->boxed * GRANULE, bytes);
        return true;
    }
    char *p = block_scratch(s, (size_t)e->size * GRANULE);
    if (block_read(s, e, p) != SWAP_FINE) return false;
    memcpy(to, p + (size_t)e->boxed * GRANULE, bytes);
    return true;
}

/* -- Faults -- */

const char *swap_fault_name(SwapFault fault) {
    static const char *const names[] = {"FINE", "TOO-BIG", "NO-BUFFER", "UNREADABLE", "DAMAGED", "FULL"};
    return names[fault];
}

NORETURN void swap_signal(Thread *t, Obj handle, SwapFault fault) {
    t->door_repeat = true;
    door_call(t, SYM(SWAP_FAULT), 2, (Obj[]){handle, obj_of_fix(fault)});
}

/* -- Torture -- */

void swap_set_torture(Thread *t, bool on) { swap_of(t)->torture = on; }

void swap_torture_point(Thread *t) {
    const Swap *s = t->world->swap;
    if (s && s->torture) swap_evict_all(t, true);
}
