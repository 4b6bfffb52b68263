/* prim.h: what the rooms behind prim need of it besides the leaves.  Door of room prim. */
#ifndef PRIM_H
#define PRIM_H

#include "image/image.h"
#include "run/run.h"
#include "text/text.h"

/* Makes the standard streams over descriptors 0, 1, 2 and gives the standard's variables their values. */
void streams_create(Thread *t);
/* Writes out standard output and standard error, as far as they take it; never signals.  The system's error of standard output, or 0. */
int streams_finish(Thread *t);
/* The same at the end of the process: what was lost is said, and the exit code, if it is 0, becomes 1. */
int streams_exit_code(Thread *t, Obj code);
/* Before an image is saved: file streams are closed, as far as the image is concerned; the standard streams are as new.  After heap_compact. */
void streams_detach(Thread *t);
/* After an image was mapped: the standard streams look at their descriptors. */
void streams_attach(Thread *t);
/* images.c: saves the world in which nothing runs (any more); see image_save. */
const char *world_save(Thread *t, const ImageRequest *request, int *system_error);
/* The first part of that: units' code comes to pure space, and if `impure` everything from there to the heap.  NULL, or what went wrong. */
const char *world_gather(Thread *t, bool impure);
/* In a process forked for it: forgets what runs and calls `work` with `data`; the parent waits.  NIL, or (values text system-error) for Lisp. */
typedef const char *(*ForkedWork)(Thread *t, void *data, int *system_error);
Obj fork_work(Thread *t, ForkedWork work, void *data);
/* In that process, before a file is made: from here on an interrupt does not end it. */
void writing_begins(void);
/* deliver.c: what keeps the function of the cell symbol that was taken away when the program was delivered; NULL if it was not. */
const char *removed_by(Obj cell);
bool is_removed_macro(Obj function);
/* "KEEPS keeps it", and why what was shaken off could not be fetched, if it can be. */
Obj removal_told(Thread *t, const char *keeps);
/* Signals an error if a symbol of that name, accessible in the package, was shaken off. */
void check_not_removed(Thread *t, Obj package, Text name);
/* Signals an error if the symbol was made anew and had definitions, or properties, before delivery. */
void check_definitions(Thread *t, Obj symbol);
void check_properties(Thread *t, Obj symbol);
/* Waits until a descriptor can be read; false if an interrupt is to be handled first. */
bool wait_for_input(Thread *t, int fd);
/* Whether the readtable says that the character is whitespace. */
bool char_is_whitespace(Obj readtable, uint32_t c);

#endif
