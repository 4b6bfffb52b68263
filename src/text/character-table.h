/* character-table.h: what of Unicode the system needs, in three stages.  Private to room text.

   tools/character-table.c makes the tables when the system is built, by asking utf8proc about every character; so its 330 KB, most of them about
   normal forms and widths, need not be in the executable.  tests/c/text.c compares every character with utf8proc again.

   A property of a character is found by its code's bits:

       code   | ... TOP ... | MIDDLE bits | LOW bits |
              top[code >> (MIDDLE + LOW)]  names a row of `middle`, that one a row of `low`, that one the property.  Equal rows are kept once. */
#ifndef CHARACTER_TABLE_H
#define CHARACTER_TABLE_H

#include <stdint.h>

enum { CLASS_LOW = 3, CLASS_MIDDLE = 6, CASE_LOW = 4, CASE_MIDDLE = 6 };

/* From CHARACTER_DIGIT on: decimal digits, their weight added. */
typedef enum CharacterClass { CHARACTER_INVISIBLE, CHARACTER_VISIBLE, CHARACTER_LETTER, CHARACTER_DIGIT } CharacterClass;

extern const uint8_t character_class_top[], character_class_middle[], character_class_low[];
extern const uint8_t character_case_top[], character_case_middle[], character_case_low[];

/* What `low` of the case tables names: twice the distance to the other case, plus 1 for a character in upper case; 0: no case. */
extern const int32_t character_cases[];

#endif
