// The floor of the path through a TUN device: reads a packet, writes the SYN-ACK, and keeps nothing. It is no TCP: it answers
// SYNs over IPv4 and IPv6 with right checksums and every option given back, and is silent to all else.
//
//   responder DEVICE      a TUN device of that name is made; "ready" on standard output says that it is there
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SYN = 0x02, ACK = 0x10, FLAGS = 13, IPV4_HEADER_MIN = 20, IPV6_HEADER = 40, TCP_HEADER_MIN = 20 };

// The bytes as 16-bit words in network order, added to `sum`.
static uint32_t add(const uint8_t *bytes, size_t len, uint32_t sum) {
    for (; len > 1; bytes += 2, len -= 2)
        sum += (uint32_t)bytes[0] << 8 | bytes[1];
    return len ? sum + ((uint32_t)bytes[0] << 8) : sum;
}

static void put_checksum(uint8_t *at, uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

static void swap(uint8_t *one, uint8_t *other, size_t len) {
    uint8_t kept[16];
    memcpy(kept, one, len);
    memcpy(one, other, len);
    memcpy(other, kept, len);
}

// Turns a SYN into its answer, in place. 0: it was none.
static int answer(uint8_t *ip, size_t len) {
    int v6 = len > 0 && ip[0] >> 4 == 6;
    size_t head = v6 ? IPV6_HEADER : len > 0 ? (size_t)(ip[0] & 15) * 4 : 0, width = v6 ? 16 : 4;
    if (head < IPV4_HEADER_MIN || len < head + TCP_HEADER_MIN || ip[v6 ? 6 : 9] != IPPROTO_TCP)
        return 0;
    uint8_t *tcp = ip + head, *source = ip + (v6 ? 8 : 12);
    size_t tcp_len = len - head;
    if ((tcp[FLAGS] & 0x3f) != SYN)
        return 0;
    swap(source, source + width, width);
    swap(tcp, tcp + 2, 2);
    uint32_t seq, number;
    memcpy(&seq, tcp + 4, 4);
    number = htonl(ntohl(seq) + 1);
    memcpy(tcp + 8, &number, 4);
    number = ntohl(seq) * 2654435761u;
    memcpy(tcp + 4, &number, 4);
    tcp[FLAGS] = SYN | ACK;
    tcp[16] = tcp[17] = 0;
    put_checksum(tcp + 16, add(tcp, tcp_len, add(source, 2 * width, IPPROTO_TCP + (uint32_t)tcp_len)));
    if (v6) {
        ip[7] = 64;
    } else {
        ip[8] = 64;
        ip[10] = ip[11] = 0;
        put_checksum(ip + 10, add(ip, head, 0));
    }
    return 1;
}

int main(int argc, char **argv) {
    struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    if (argc != 2 || strlen(argv[1]) >= sizeof device.ifr_name)
        return 2;
    strcpy(device.ifr_name, argv[1]);
    int tun = open("/dev/net/tun", O_RDWR);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &device) < 0) {
        perror("responder: /dev/net/tun");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    static uint8_t packet[65536];
    for (;;) {
        ssize_t len = read(tun, packet, sizeof packet);
        if (len > 0 && answer(packet, (size_t)len) && write(tun, packet, (size_t)len) < 0)
            continue; // Refused by the kernel: it counts that itself.
    }
}
