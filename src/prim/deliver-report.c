/* deliver-report.c: the figures of a delivery, for those who want a program smaller: links, functions, types, the runtime. */
#include "prim/deliver.h"

#include "image/image.h"

#include <stdlib.h>

void report_figures(const ShakeFigures *f) {
    fprintf(stderr, "; shaken: %llu KB of %llu KB stay; symbols %llu of %llu, %llu with names\n", (unsigned long long)f->bytes_after / 1024,
            (unsigned long long)f->bytes_before / 1024, (unsigned long long)f->symbols_kept, (unsigned long long)f->symbols, (unsigned long long)f->names_kept);
    for (int i = 0; i < LINK_KINDS; i++)
        if (f->links[i]) fprintf(stderr, ";   %-24s %6llu of %6llu\n", link_infos[i].name, (unsigned long long)f->kept[i], (unsigned long long)f->links[i]);
}

void report_functions(Shake *s) {
    for (uint64_t i = 1; i < shake_symbols(s); i++) {
        Obj part = shake_part(s, i, FACET_FUNCTION), f = is_obj(part) ? obj_slots(part)[0] : NIL;
        if (!has_type(f, TYPE_FUNCTION) || !is_obj(obj_slots(f)[FUNCTION_CODE])) continue;
        size_t bytes = header_bytes(obj_header(obj_slots(f)[FUNCTION_CODE])) + header_bytes(obj_header(obj_slots(f)[FUNCTION_CONSTANTS]));
        fprintf(stderr, "; %6zu %s\n", bytes, shake_name(s, i));
    }
}

typedef struct CensusWork {
    uint64_t count[TYPE_COUNT + 1], bytes[TYPE_COUNT + 1];
} CensusWork;

static void census_object(void *data, Obj *words, size_t bytes) {
    CensusWork *work = data;
    int type = is_header(words[0]) ? (int)header_type(words[0]) : TYPE_COUNT;
    work->count[type]++;
    work->bytes[type] += bytes;
}

void report_census(Thread *t) {
    CensusWork work = {0};
    heap_each(t->heap, census_object, &work);
    for (int i = 0; i <= TYPE_COUNT; i++)
        if (work.bytes[i] >= 1024)
            fprintf(stderr, ";   %-40s %6llu objects, %4llu KB\n", i == TYPE_COUNT ? "CONS" : shapes[i].name, (unsigned long long)work.count[i],
                    (unsigned long long)work.bytes[i] / 1024);
}

void report_runtime(Thread *t) {
    Runtime runtime;
    if (runtime_open(&runtime, "", RUNTIME_SLIM)) return;
    bool *lacks = calloc(builtins_total(), sizeof *lacks);
    must(lacks);
    runtime_lacks(&runtime, t, lacks);
    for (uint32_t i = 0; i < builtins_total(); i++)
        if (lacks[i]) fprintf(stderr, "; the slim runtime has not %s\n", builtin_at(i)->name);
    free(lacks);
    runtime_close(&runtime);
}
