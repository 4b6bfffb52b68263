/* math.c: libm, opened when it is first needed.

   To map and bind a shared library takes longer than to map the Lisp world; most programs never compute a sine.  So the functions of libm that we use are
   defined here under their own names, and the first call of any of them opens the library and finds them all.  The table is the one mutable
   static variable of this room: it caches what does not change. */
#include "base/base.h"

#include <complex.h>
#include <dlfcn.h>
#include <math.h>

#define UNARY(X) \
    X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atanh) X(cos) X(cosh) X(exp) X(log) X(sin) X(sinh) X(sqrt) X(tan) X(tanh)
#define BINARY(X) X(atan2) X(fmod) X(hypot) X(pow)
#define COMPLEX_UNARY(X) \
    X(cacos) X(cacosh) X(casin) X(casinh) X(catan) X(catanh) X(ccos) X(ccosh) X(cexp) X(clog) X(csin) X(csinh) X(csqrt) X(ctan) X(ctanh)

static struct {
#define X(name) __typeof__(&name) name;
    UNARY(X) BINARY(X) COMPLEX_UNARY(X)
#undef X
    void (*sincos)(double, double *, double *);
} libm;

static void *find(void *library, const char *name) {
    void *f = dlsym(library, name);
    if (!f) must_die("libm has no function %s", name);
    return f;
}

static void open_libm(void) {
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    if (!library) must_die("%s", dlerror());
#define X(name) libm.name = (__typeof__(libm.name))find(library, #name);
    UNARY(X) BINARY(X) COMPLEX_UNARY(X) X(sincos)
#undef X
}

#define OPENED(name) (UNLIKELY(!libm.name) ? open_libm() : (void)0)
#define X(name) double name(double x) { OPENED(name); return libm.name(x); }
UNARY(X)
#undef X
#define X(name) double name(double x, double y) { OPENED(name); return libm.name(x, y); }
BINARY(X)
#undef X
#define X(name) double complex name(double complex x) { OPENED(name); return libm.name(x); }
COMPLEX_UNARY(X)
#undef X
void sincos(double x, double *s, double *c) {
    OPENED(sincos);
    libm.sincos(x, s, c);
}
