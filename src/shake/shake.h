/* shake.h: the treeshaker.  Door of room shake.

   A world is full of links that hold something by convention only: a package its symbols, a class its subclasses, a name its documentation
   (links.def has all kinds).  The shaker records them, breaks them, collects, and reinstates those whose ends are still there (LispWorks'
   treeshaker; docs/manual/delivering.md tells it to users).  It knows no package and no class: the room prim hands it the links.

   A round, in a process in which no Lisp runs any more and which ends by saving the world:

       s = shake_begin(t)             compacts
       shake_split(s, ...)            splits the symbols; nothing moves from before it to the collection
       shake_link(s, ...) ...         record, for every default link; the caller breaks it
       shake_root(s, ...) ...
       shake_collect(s)               collects, joins the symbols, reinstates
       shake_end(s)

   Symbols are split (split.c), so that what is met is known by part: its name as an identity, its function, its value.  A call holds the
   function only, a quoted symbol the whole.  Between begin and collect, a symbol is one of its facets, made by `shake_facet`, wherever a
   link mentions it; behind collect it is a symbol again. */
#ifndef SHAKE_H
#define SHAKE_H

#include "run/run.h"

#include <stdio.h>

typedef enum LinkKind {
#define LINK(id, name, how, what) LINK_##id,
#include "shake/links.def"
#undef LINK
    LINK_KINDS
} LinkKind;

typedef enum LinkHow { HOW_SLOT, HOW_LIST, HOW_PLIST, HOW_CALL, HOW_NONE } LinkHow;

typedef struct LinkInfo {
    const char *id, *name, *what;
    LinkHow how;
} LinkInfo;
extern const LinkInfo link_infos[LINK_KINDS];

/* How a symbol can be met: as the whole that a program may do anything with; as an identity that is compared and looked up; as a function that is
   called; as a variable that is read; as one that is set or bound; as a function that is called, softly: only if it is there anyway; as
   a text that is printed; as a function that the program itself calls, not the library. */
typedef enum Facet { FACET_WHOLE, FACET_NAME, FACET_FUNCTION, FACET_VALUE, FACET_SET, FACET_SOFT, FACET_TEXT, FACET_CALL, FACETS } Facet;

typedef struct Shake Shake;

typedef struct ShakeOptions {
    Obj mark;            /* an object: functions older than it call no function by a name that they hold as a constant */
    const Obj *soft;     /* symbols whose functions the library calls softly */
    uint32_t soft_count;
    Obj macro;           /* what stands in the function cell of a macro whose function is not reinstated */
    bool keep_names;     /* a symbol that is only called or bound keeps its name */
    bool keep_undefined; /* a symbol that is called and has no function, or read and has no value, keeps its text, for errors */
    void (*reinstate)(Thread *t, LinkKind kind, Obj holder, Obj key, Obj item); /* for links of the way CALL */
    bool explain;        /* names of symbols are noted, for `shake_name` and `shake_explain` */
    void (*broken)(Shake *s, void *data);    /* called, if not NULL, when all links are broken: for `shake_explain` */
    void (*collected)(Shake *s, void *data); /* called, if not NULL, when the dead have been collected and nothing has been reinstated */
    void *data;
} ShakeOptions;

typedef struct ShakeFigures {
    uint64_t links[LINK_KINDS], kept[LINK_KINDS]; /* handed in, and reinstated */
    uint64_t symbols, symbols_kept, names_kept;
    uint64_t bytes_before, bytes_after;
} ShakeFigures;

enum { SHAKE_CONDITIONS = 8 };

/* -- shake.c -- */

/* Begins a round.  No Lisp runs; stack and bindings are empty. */
Shake *shake_begin(Thread *t);
void shake_split(Shake *s, const ShakeOptions *options);
Thread *shake_thread(const Shake *s);
/* Hands in a link: it is reinstated if all the conditions, objects, are alive; conditions that are no references hold always.  What it mentions
   does not keep anything unless they do. */
void shake_link(Shake *s, LinkKind kind, Obj holder, uint64_t slot, Obj key, Obj item, unsigned count, const Obj *conditions);
/* Keeps x while `condition` is alive: what C does by itself. */
void shake_need(Shake *s, Obj condition, Obj x);
void shake_root(Shake *s, Obj x);
/* Why the roots that follow are roots, for reports. */
void shake_why(Shake *s, const char *why);
/* Collects and reinstates. */
void shake_collect(Shake *s);
const ShakeFigures *shake_figures(const Shake *s);
void shake_end(Shake *s);

/* -- split.c -- */

/* The object that stands for that part of a symbol.  Other words than symbols stand for themselves. */
Obj shake_facet(Shake *s, Obj symbol, Facet facet);
/* The macro function that a symbol had, or NIL: it has been taken from the symbol, a link to be handed in. */
Obj shake_macro(Shake *s, Obj symbol);
/* Is it one of ShakeOptions.soft? */
bool shake_is_soft(Shake *s, Obj symbol);
/* Replaces the symbols in a tree of conses by their names as identities, in place; returns the tree. */
Obj shake_identify(Shake *s, Obj tree);
/* Visits the wholes of all symbols but NIL. */
void shake_each_symbol(Shake *s, void (*visit)(Shake *s, Obj whole, void *data), void *data);
/* Is x one of the objects that `shake_facet` makes?  Then *symbol is the symbol's name (NIL: it has none any more) for reports. */
bool shake_is_facet(Obj x, Facet *facet);
/* In `collected`: how many symbols there were, numbers from 1 on, and the parts that are left (a fixnum: gone).  A function or variable has its
   content in slot 0. */
uint64_t shake_symbols(const Shake *s);
Obj shake_part(const Shake *s, uint64_t number, Facet facet);
/* The word of World.removed (text.h) for a symbol that goes, or for its value if only that goes; 0 if all stays or it had no home. */
uint64_t shake_gone(const Shake *s, uint64_t number);
/* The number of a symbol or of one of its parts, and the name that it had ("" unless `explain`). */
uint64_t shake_number(Shake *s, Obj symbol);
const char *shake_name(const Shake *s, uint64_t number);

/* -- explain.c -- */

/* Tells by what path a symbol is kept; in `broken`. */
void shake_explain(Shake *s, uint64_t number, FILE *to);
/* In `broken`: can the object be met?  From what, NIL: it is a root. */
bool shake_met(const Shake *s, Obj x);
Obj shake_parent(const Shake *s, Obj x);

#endif
