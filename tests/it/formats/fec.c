/* What a listener gets who plays, at each packet's time, the copy that the next packet carries.
   Input: channels (1 byte), then packets, each after its length (32 bit little-endian). Output:
   float samples at 48 kHz, as long as all packets but the last. */
#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_packet(unsigned char *bytes) {
    unsigned char head[4];
    if (fread(head, 1, 4, stdin) != 4) return -1;
    int length = head[0] | head[1] << 8 | head[2] << 16;
    return (int)fread(bytes, 1, (size_t)length, stdin) == length ? length : -1;
}

int main(void) {
    static unsigned char packet[2][70000];
    static float heard[5760 * 2];
    int error = 0, channels = getchar(), which = 0;
    OpusDecoder *decoder = opus_decoder_create(48000, channels, &error);
    OpusDecoder *copy = malloc((size_t)opus_decoder_get_size(channels));
    if (error != OPUS_OK || !copy) return 1;
    int length = read_packet(packet[0]);
    while (length >= 0) {
        int next = read_packet(packet[!which]);
        if (next < 0) break;
        int samples = opus_packet_get_nb_samples(packet[which], length, 48000);
        memcpy(copy, decoder, (size_t)opus_decoder_get_size(channels));
        memset(heard, 0, sizeof heard);
        if (opus_decode_float(copy, packet[!which], next, heard, samples, 1) < 0) return 2;
        fwrite(heard, sizeof(float), (size_t)(samples * channels), stdout);
        if (opus_decode_float(decoder, packet[which], length, heard, 5760, 0) < 0) return 3;
        which = !which;
        length = next;
    }
    return 0;
}
