/* bases-table.c: writes the rows of GMP's table of number bases that Lisp has, 0 to 36 of 257, as C to standard output: for the slim runtime. */
#include <gmp.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 37, ROW_WORDS = 5 };

/* A row as GMP has it: int, then four limbs. */
extern const unsigned char __gmpn_bases[ROWS][ROW_WORDS * 8];

int main(void) {
    printf("/* Made by tools/bases-table.c from GMP %s. */\nconst unsigned long __gmpn_bases[%d] = {", gmp_version, ROWS * ROW_WORDS);
    for (int i = 0; i < ROWS; i++) {
        unsigned long row[ROW_WORDS];
        memcpy(row, __gmpn_bases[i], sizeof row);
        row[0] &= 0xFFFFFFFF;
        printf("\n");
        for (int k = 0; k < ROW_WORDS; k++) printf("%#lx,", row[k]);
    }
    printf("};\n");
    return 0;
}
