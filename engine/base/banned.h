/* base/banned.h: functions that have no safe use here become compile errors. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets

#endif
