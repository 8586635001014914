/* An AMR-WB file from a WAV file with a head of 44 bytes, 16 kHz, mono, 16 bit.
   Arguments: the mode, 0 to 8, and whether pauses are coded as such, 0 or 1; then there
   must be one. */
#include <stdio.h>
#include <stdlib.h>
#include <vo-amrwbenc/enc_if.h>

int main(int count, char **arguments) {
    unsigned char head[44], frame[64];
    short sound[320];
    if (count != 3 || fread(head, 1, sizeof head, stdin) != sizeof head) return 1;
    int mode = atoi(arguments[1]), pauses = atoi(arguments[2]), found = 0;
    void *encoder = E_IF_init();
    fputs("#!AMR-WB\n", stdout);
    while (fread(sound, sizeof *sound, 320, stdin) == 320) {
        int size = E_IF_encode(encoder, mode, sound, frame, pauses);
        if (size <= 0 || fwrite(frame, 1, (size_t)size, stdout) != (size_t)size) return 2;
        found |= (frame[0] >> 3 & 15) == 9;
    }
    E_IF_exit(encoder);
    if (found != pauses) return 3;
    return fflush(stdout) ? 4 : 0;
}
