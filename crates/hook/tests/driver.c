/*
 * Plays scripts through the raw function table of a library that has packetdrill's interface, as packetdrill itself would:
 * calls on two threads, raw IP packets in and out, virtual time.
 *
 *     driver LIBRARY CASE VERSION PROFILE        as in: driver libsyndic_hook.so passive 6 freebsd
 *
 * The peer is this file: it builds segments by hand, and checks of every packet that comes what packetdrill does not:
 * checksums, echoed timestamps and data. It knows of the library nothing but the interface.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

struct table {
	void *u;
	void (*free)(void *);
	int (*socket)(void *, int, int, int);
	int (*bind)(void *, int, const struct sockaddr *, socklen_t);
	int (*listen)(void *, int, int);
	int (*accept)(void *, int, struct sockaddr *, socklen_t *);
	int (*connect)(void *, int, const struct sockaddr *, socklen_t);
	ssize_t (*read)(void *, int, void *, size_t);
	ssize_t (*readv)(void *, int, const struct iovec *, int);
	ssize_t (*recv)(void *, int, void *, size_t, int);
	ssize_t (*recvfrom)(void *, int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t (*recvmsg)(void *, int, struct msghdr *, int);
	ssize_t (*write)(void *, int, const void *, size_t);
	ssize_t (*writev)(void *, int, const struct iovec *, int);
	ssize_t (*send)(void *, int, const void *, size_t, int);
	ssize_t (*sendto)(void *, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	ssize_t (*sendmsg)(void *, int, const struct msghdr *, int);
	int (*fcntl)(void *, int, int, ...);
	int (*ioctl)(void *, int, unsigned long, ...);
	int (*close)(void *, int);
	int (*shutdown)(void *, int, int);
	int (*getsockopt)(void *, int, int, int, void *, socklen_t *);
	int (*setsockopt)(void *, int, int, int, const void *, socklen_t);
	int (*poll)(void *, struct pollfd *, nfds_t, int);
	int (*netdev_send)(void *, const void *, size_t);
	int (*netdev_receive)(void *, void *, size_t *, long long *);
	int (*usleep)(void *, useconds_t);
	int (*gettimeofday)(void *, struct timeval *, struct timezone *);
	int (*epoll_create)(void *, int);
	int (*epoll_ctl)(void *, int, int, int, struct epoll_event *);
	int (*epoll_wait)(void *, int, struct epoll_event *, int, int);
	int (*pipe)(void *, int[2]);
	ssize_t (*splice)(void *, int, loff_t *, int, loff_t *, size_t, unsigned);
};

_Static_assert(sizeof(struct table) == 264, "packetdrill's table is 264 bytes on LP64");

static struct table t;
static int (*preloaded_getsockopt)(int, int, int, void *, socklen_t *);

#define CHECK(claim)                                                                    \
	do {                                                                            \
		if (!(claim)) {                                                         \
			fprintf(stderr, "driver.c:%d: not so: %s (errno %d: %s)\n",     \
				__LINE__, #claim, errno, strerror(errno));              \
			exit(1);                                                        \
		}                                                                       \
	} while (0)
#define FAILS(call, number)                 \
	do {                                \
		errno = 0;                  \
		CHECK((call) == -1);        \
		CHECK(errno == (number));   \
	} while (0)

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { PORT = 8080, PEER_PORT = 40001 };
#define PEER_ISN 0xfffffff0u
#define PEER_TS 7000u

/* What the case is played in. */
static int is_v6, is_freebsd;

/* Both ends, by version; what they are called, and their bytes as a packet has them. */
static const char *const names[2][2] = {{"192.168.0.1", "192.0.2.1"}, {"fd3d:fa7b:d17d::1", "fd3d:fa7b:d17d:8888::1"}};
static uint8_t ours[16], theirs[16];

static int family(void)
{
	return is_v6 ? AF_INET6 : AF_INET;
}

static size_t address_len(void)
{
	return is_v6 ? 16 : 4;
}

static size_t ip_len(void)
{
	return is_v6 ? 40 : 20;
}

static uint16_t mss(void)
{
	return 1500 - ip_len() - 20;
}

static int window_scale(void)
{
	return is_freebsd ? 6 : 8;
}

/* A segment that came, its numbers relative to the ISNs; and what both ends have told so far. */
struct segment {
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t window, mss;
	int has_ts, has_sack_ok, wscale;
	/* A letter for each option, in their order: Mss, Scale, sacK permitted, sack Blocks, Timestamps, Nop, End. */
	char order[41];
	uint32_t ts_val, ts_ecr;
	size_t len;
	uint8_t data[65536];
	long long at;
};
static struct segment in;
static uint16_t our_port = PORT, their_port = PEER_PORT;
static uint32_t our_isn, last_ts, peer_isn = PEER_ISN;
static int use_ts = 1;

static uint8_t pattern(uint32_t i)
{
	return (uint8_t)(i * 31 >> 3);
}

static void put16(uint8_t *p, uint16_t n)
{
	p[0] = n >> 8, p[1] = n & 255;
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16), put16(p + 2, n & 65535);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 65535) + (sum >> 16);
	return ~sum & 65535;
}

/* The checksum of a TCP segment in an IP packet; 0 where it is right already. */
static uint16_t tcp_sum(const uint8_t *ip, size_t len)
{
	uint32_t sum = add(0, ip + ip_len() - 2 * address_len(), 2 * address_len());
	return fold(add(sum + IPPROTO_TCP + (len - ip_len()), ip + ip_len(), len - ip_len()));
}

/* Writes the header of an IP packet of `total` bytes. */
static void put_ip(uint8_t *p, size_t total)
{
	memset(p, 0, ip_len());
	if (is_v6) {
		p[0] = 0x60, p[6] = IPPROTO_TCP, p[7] = 64;
		put16(p + 4, total - 40);
	} else {
		p[0] = 0x45, p[8] = 64, p[9] = IPPROTO_TCP;
		put16(p + 2, total);
	}
	memcpy(p + ip_len() - 2 * address_len(), theirs, address_len());
	memcpy(p + ip_len() - address_len(), ours, address_len());
	if (!is_v6)
		put16(p + 10, fold(add(0, p, 20)));
}

/* Sends a segment; seq and ack are relative. A SYN carries the usual options, everything else timestamps. */
static void inject(int flags, uint32_t seq, uint32_t ack, size_t len)
{
	static uint8_t p[66000];
	static const uint8_t syn_options[] = {2, 4, 0, 0, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
	size_t options = flags & SYN ? sizeof syn_options : use_ts ? 12 : 0;
	size_t head = 20 + options, total = ip_len() + head + len;
	uint8_t *tcp = p + ip_len();
	put_ip(p, total);
	memset(tcp, 0, head);
	put16(tcp, their_port), put16(tcp + 2, our_port);
	put32(tcp + 4, peer_isn + seq);
	put32(tcp + 8, flags & ACK ? our_isn + ack : 0);
	tcp[12] = head / 4 << 4, tcp[13] = flags;
	put16(tcp + 14, 32768);
	if (flags & SYN) {
		memcpy(tcp + 20, syn_options, options);
		put16(tcp + 22, mss());
		put32(tcp + 28, PEER_TS), put32(tcp + 32, flags & ACK ? last_ts : 0);
	} else if (use_ts) {
		memcpy(tcp + 20, (uint8_t[]){1, 1, 8, 10}, 4);
		put32(tcp + 24, PEER_TS), put32(tcp + 28, last_ts);
	}
	for (size_t i = 0; i < len; i++)
		tcp[head + i] = pattern(seq + i);
	put16(tcp + 16, tcp_sum(p, total));
	CHECK(t.netdev_send(t.u, p, total) == 0);
}

static void parse_options(const uint8_t *p, size_t len)
{
	in.mss = 0, in.has_ts = in.has_sack_ok = 0, in.wscale = -1;
	memset(in.order, 0, sizeof in.order);
	for (size_t i = 0; i < len; i += p[i] < 2 ? 1 : p[i + 1]) {
		CHECK(p[i] < 2 || (i + 1 < len && p[i + 1] >= 2 && i + p[i + 1] <= len));
		in.order[strlen(in.order)] = p[i] < 9 ? "ENMSKB??T"[p[i]] : '?';
		switch (p[i]) {
		case 2: in.mss = get16(p + i + 2); break;
		case 3: in.wscale = p[i + 2]; break;
		case 4: in.has_sack_ok = 1; break;
		case 8: in.has_ts = 1, in.ts_val = get32(p + i + 2), in.ts_ecr = get32(p + i + 6); break;
		}
	}
}

/* Fetches the next packet. Returns whether there was one. */
static int fetch(void)
{
	static uint8_t p[65536];
	size_t len = sizeof p;
	in.at = -1;
	CHECK(t.netdev_receive(t.u, p, &len, &in.at) == 0);
	if (len == 0)
		return 0;
	CHECK(len >= ip_len() + 20 && len <= 1500);
	if (is_v6) {
		CHECK(p[0] == 0x60 && p[6] == IPPROTO_TCP && get16(p + 4) == len - 40);
	} else {
		CHECK(p[0] == 0x45 && p[9] == IPPROTO_TCP && get16(p + 2) == len);
		CHECK(fold(add(0, p, 20)) == 0);
	}
	CHECK(tcp_sum(p, len) == 0);
	CHECK(memcmp(p + ip_len() - 2 * address_len(), ours, address_len()) == 0);
	CHECK(memcmp(p + ip_len() - address_len(), theirs, address_len()) == 0);
	const uint8_t *tcp = p + ip_len();
	CHECK(get16(tcp + 2) == their_port);
	size_t head = (tcp[12] >> 4) * 4;
	CHECK(head >= 20 && ip_len() + head <= len);
	in.flags = tcp[13] & 63;
	if (in.flags & SYN)
		our_isn = get32(tcp + 4), our_port = get16(tcp);
	CHECK(get16(tcp) == our_port);
	in.seq = get32(tcp + 4) - our_isn;
	in.ack = in.flags & ACK ? get32(tcp + 8) - peer_isn : 0;
	in.window = get16(tcp + 14);
	parse_options(tcp + 20, head - 20);
	in.len = len - ip_len() - head;
	memcpy(in.data, tcp + head, in.len);
	for (size_t i = 0; i < in.len; i++)
		CHECK(in.data[i] == pattern(in.seq + i));
	if (in.has_ts) {
		/* What we sent last is echoed, except where nothing of ours had come yet. */
		CHECK(in.ts_ecr == (in.flags == SYN ? 0 : PEER_TS));
		last_ts = in.ts_val;
	}
	return 1;
}

/* The next packet has to be this one. */
static void expect(int flags, uint32_t seq, uint32_t ack, size_t len)
{
	CHECK(fetch());
	if (in.flags != flags || in.seq != seq || in.ack != ack || in.len != len) {
		fprintf(stderr, "expected flags %#x seq %u ack %u len %zu, got %#x %u %u %zu\n", flags, seq, ack, len,
			in.flags, in.seq, in.ack, in.len);
		exit(1);
	}
	CHECK(use_ts == in.has_ts || flags & RST);
}

/* A socket address of the version that is played. */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static const uint8_t nowhere[16];

static socklen_t address(union address *a, const uint8_t *ip, uint16_t port)
{
	memset(a, 0, sizeof *a);
	a->any.sa_family = family();
	/* The port stands at the same place in both. */
	a->v4.sin_port = htons(port);
	memcpy(is_v6 ? (void *)&a->v6.sin6_addr : (void *)&a->v4.sin_addr, ip, address_len());
	return is_v6 ? sizeof a->v6 : sizeof a->v4;
}

static long long now(void)
{
	struct timeval tv;
	CHECK(t.gettimeofday(t.u, &tv, NULL) == 0);
	return tv.tv_sec * 1000000LL + tv.tv_usec;
}

static int listener(void)
{
	int one = 1, fd = t.socket(t.u, family(), SOCK_STREAM, IPPROTO_TCP);
	union address a;
	socklen_t len = address(&a, nowhere, PORT);
	CHECK(fd >= 0);
	/* The number has to be a descriptor of the process: leftovers are closed by close(2). */
	CHECK(fcntl(fd, F_GETFD) >= 0);
	CHECK(t.setsockopt(t.u, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	CHECK(t.bind(t.u, fd, &a.any, len) == 0);
	CHECK(t.listen(t.u, fd, 1) == 0);
	return fd;
}

static void handshake(void)
{
	inject(SYN, 0, 0, 0);
	expect(SYN | ACK, 0, 1, 0);
	CHECK(in.mss == mss());
	inject(ACK, 1, 1, 0);
}

static int accepted(int fd)
{
	union address a, peer;
	socklen_t len = sizeof a;
	int c = t.accept(t.u, fd, &a.any, &len);
	CHECK(c >= 0 && c != fd);
	CHECK(len == address(&peer, theirs, their_port) && memcmp(&a, &peer, len) == 0);
	return c;
}

static void fill(uint8_t *p, uint32_t seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(seq + i);
}

static void is_pattern(const uint8_t *p, uint32_t seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		CHECK(p[i] == pattern(seq + i));
}

/* Passive open, data both ways, a packet larger than the MTU, close by the peer, TIME-WAIT spared. */
static void passive(void)
{
	uint8_t buf[20000];
	int n, fd = listener();
	handshake();
	CHECK(in.wscale == window_scale() && in.window == 65535);
	CHECK(!strcmp(in.order, is_freebsd ? "MNSKT" : "MKTNS"));
	int c = accepted(fd);
	CHECK(t.fcntl(t.u, c, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	CHECK(t.fcntl(t.u, c, F_GETFL, 0) == (O_RDWR | O_NONBLOCK));
	FAILS(t.read(t.u, c, buf, sizeof buf), EAGAIN);
	FAILS(t.recv(t.u, c, buf, sizeof buf, MSG_PEEK), EAGAIN);

	inject(PSH | ACK, 1, 1, 1000);
	expect(ACK, 1, 1001, 0);
	CHECK(t.recv(t.u, c, buf, 100, MSG_PEEK) == 100);
	is_pattern(buf, 1, 100);
	CHECK(t.recv(t.u, c, buf, 5000, MSG_PEEK | MSG_TRUNC) == 1000);
	CHECK(t.ioctl(t.u, c, FIONREAD, &n) == 0 && n == 1000);
	CHECK(t.read(t.u, c, buf, 400) == 400);
	is_pattern(buf, 1, 400);
	struct iovec iov[2] = {{buf, 100}, {buf + 100, 10000}};
	CHECK(t.readv(t.u, c, iov, 2) == 600);
	is_pattern(buf, 401, 600);

	/* A super-segment is taken whole. */
	inject(PSH | ACK, 1001, 1, 20000 - 1000);
	expect(ACK, 1, 20001, 0);
	struct msghdr m = {.msg_iov = &(struct iovec){buf, sizeof buf}, .msg_iovlen = 1};
	CHECK(t.recvmsg(t.u, c, &m, 0) == 19000);
	is_pattern(buf, 1001, 19000);
	/* Room again: the window is told anew. */
	uint16_t small = in.window;
	expect(ACK, 1, 20001, 0);
	CHECK(in.window > small);

	fill(buf, 1, 3000);
	CHECK(t.write(t.u, c, buf, 1000) == 1000);
	CHECK(t.ioctl(t.u, c, TIOCOUTQ, &n) == 0 && n == 1000);
	expect(PSH | ACK, 1, 20001, 1000);
	iov[0] = (struct iovec){buf + 1000, 1000}, iov[1] = (struct iovec){buf + 2000, 1000};
	inject(ACK, 20001, 1001, 0);
	CHECK(t.writev(t.u, c, iov, 2) == 2000);
	CHECK(fetch() && in.seq == 1001 && in.len == mss() - 12u);
	CHECK(!strcmp(in.order, "NNT"));
	uint32_t sent = 1001 + in.len;
	inject(ACK, 20001, sent, 0);
	expect(PSH | ACK, sent, 20001, 3001 - sent);
	inject(ACK, 20001, 3001, 0);
	CHECK(t.ioctl(t.u, c, TIOCOUTQ, &n) == 0 && n == 0);

	inject(FIN | ACK, 20001, 3001, 0);
	expect(ACK, 3001, 20002, 0);
	CHECK(t.read(t.u, c, buf, sizeof buf) == 0);
	CHECK(t.close(t.u, c) == 0);
	FAILS(t.read(t.u, c, buf, 1), EBADF);
	expect(FIN | ACK, 3001, 20002, 0);
	inject(ACK, 20002, 3002, 0);
	CHECK(t.close(t.u, fd) == 0);
	FAILS(t.close(t.u, fd), EBADF);
	CHECK(!fetch());
}

/* A call that blocks on a thread of its own, as packetdrill makes them. */
struct blocked {
	pthread_t thread;
	atomic_int id;
	int what, fd;
	uint8_t buf[4000000];
	size_t len;
	ssize_t answer;
	int number;
	long long back;
};

enum { ACCEPT, READ, PEEK, WRITE, CONNECT, POLL, LAST_ACCEPT };

static void *block(void *argument)
{
	struct blocked *b = argument;
	union address a;
	socklen_t len = address(&a, theirs, their_port);
	struct pollfd p = {.fd = b->fd, .events = POLLIN};
	errno = 0;
	atomic_store(&b->id, gettid());
	switch (b->what) {
	case ACCEPT: b->answer = t.accept(t.u, b->fd, NULL, NULL); break;
	case READ: b->answer = t.read(t.u, b->fd, b->buf, b->len); break;
	case PEEK: b->answer = t.recv(t.u, b->fd, b->buf, b->len, MSG_PEEK); break;
	case WRITE: b->answer = t.write(t.u, b->fd, b->buf, b->len); break;
	case CONNECT: b->answer = t.connect(t.u, b->fd, &a.any, len); break;
	case POLL: b->answer = t.poll(t.u, &p, 1, b->len); break;
	case LAST_ACCEPT:
		/* The table is gone when this returns: the clock cannot be asked. */
		b->answer = t.accept(t.u, b->fd, NULL, NULL);
		b->number = errno;
		return NULL;
	}
	b->number = errno;
	b->back = now();
	return NULL;
}

/* Starts it, and waits until it blocks or has returned, as packetdrill does: by what the kernel says of the thread. */
static void start(struct blocked *b, int what, int fd, size_t len)
{
	b->what = what, b->fd = fd, b->len = len;
	atomic_store(&b->id, 0);
	CHECK(pthread_create(&b->thread, NULL, block, b) == 0);
	for (char state = 'R'; state != 'S'; sched_yield()) {
		char path[64];
		pid_t id = atomic_load(&b->id);
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
		FILE *stat = id ? fopen(path, "r") : NULL;
		if (id && !stat)
			break;
		CHECK(!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) == 1);
		if (stat)
			fclose(stat);
	}
}

static void join(struct blocked *b)
{
	CHECK(pthread_join(b->thread, NULL) == 0);
}

static struct blocked b;

/* accept, read and write that wait for packets and for time; each returns at the virtual time of what it waited for. */
static void blocking(void)
{
	int fd = listener();
	start(&b, ACCEPT, fd, 0);
	long long before = now();
	CHECK(t.usleep(t.u, 100000) == 0);
	handshake();
	CHECK(t.usleep(t.u, 500000) == 0);
	join(&b);
	int c = b.answer;
	CHECK(c >= 0);
	CHECK(b.back >= before + 100000 && b.back < before + 101000);

	start(&b, PEEK, c, 1000);
	CHECK(t.usleep(t.u, 100000) == 0);
	inject(PSH | ACK, 1, 1, 10);
	CHECK(t.usleep(t.u, 100000) == 0);
	join(&b);
	CHECK(b.answer == 10);
	is_pattern(b.buf, 1, 10);
	CHECK(t.read(t.u, c, b.buf, 1000) == 10);
	is_pattern(b.buf, 1, 10);
	expect(ACK, 1, 11, 0);

	/* More than the buffer takes: it blocks until the peer has acknowledged enough. */
	int size = 10000;
	CHECK(t.setsockopt(t.u, c, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	fill(b.buf, 1, 50000);
	start(&b, WRITE, c, 50000);
	uint32_t got = 1;
	while (got < 50001) {
		CHECK(fetch());
		CHECK(in.seq == got && in.len > 0);
		got += in.len;
		inject(ACK, 11, got, 0);
	}
	join(&b);
	CHECK(b.answer == 50000);

	/* The end of the stream releases a reader, a timeout a poller, close by another thread a reader. */
	start(&b, POLL, c, 250);
	before = now();
	CHECK(t.usleep(t.u, 1000000) == 0);
	join(&b);
	CHECK(b.answer == 0 && b.back >= before + 249000 && b.back < before + 251000);
	start(&b, READ, c, 1000);
	inject(FIN | ACK, 11, 50001, 0);
	join(&b);
	CHECK(b.answer == 0);
	expect(ACK, 50001, 12, 0);
	start(&b, ACCEPT, fd, 0);
	CHECK(t.close(t.u, fd) == 0);
	join(&b);
	CHECK(b.answer == -1 && b.number == EBADF);
	CHECK(t.close(t.u, c) == 0);
	expect(FIN | ACK, 50001, 12, 0);
	inject(ACK, 12, 50002, 0);

	/* Whoever still waits when the library is let go is released. */
	start(&b, LAST_ACCEPT, listener(), 0);
}

/* Active opens: blocking, non-blocking, refused, and one that nobody answers. */
static void active(void)
{
	union address a;
	socklen_t a_len = address(&a, theirs, PEER_PORT);
	int error = -1, fd = t.socket(t.u, family(), SOCK_STREAM, 0);
	socklen_t len = sizeof error;
	start(&b, CONNECT, fd, 0);
	expect(SYN, 0, 0, 0);
	CHECK(in.mss == mss() && in.wscale == window_scale() && in.window == 65535);
	CHECK(!strcmp(in.order, is_freebsd ? "MNSKT" : "MKTNS"));
	CHECK(t.usleep(t.u, 10000) == 0);
	inject(SYN | ACK, 0, 1, 0);
	expect(ACK, 1, 1, 0);
	join(&b);
	CHECK(b.answer == 0);
	CHECK(t.close(t.u, fd) == 0);
	expect(FIN | ACK, 1, 1, 0);
	inject(FIN | ACK, 1, 2, 0);
	expect(ACK, 2, 2, 0);

	fd = t.socket(t.u, family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	FAILS(t.connect(t.u, fd, &a.any, a_len), EINPROGRESS);
	expect(SYN, 0, 0, 0);
	FAILS(t.connect(t.u, fd, &a.any, a_len), EALREADY);
	CHECK(t.poll(t.u, &p, 1, 0) == 0);
	inject(SYN | ACK, 0, 1, 0);
	expect(ACK, 1, 1, 0);
	CHECK(t.poll(t.u, &p, 1, 0) == 1 && p.revents == POLLOUT);
	CHECK(t.getsockopt(t.u, fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	CHECK(t.connect(t.u, fd, &a.any, a_len) == 0);
	FAILS(t.connect(t.u, fd, &a.any, a_len), EISCONN);
	/* A reset is told once, then the stream is at its end. */
	inject(RST | ACK, 1, 1, 0);
	CHECK(t.poll(t.u, &p, 1, 0) == 1 && p.revents == (POLLOUT | POLLERR | POLLHUP));
	FAILS(t.write(t.u, fd, "x", 1), ECONNRESET);
	FAILS(t.write(t.u, fd, "x", 1), EPIPE);
	CHECK(t.read(t.u, fd, &error, 1) == 0);
	CHECK(t.close(t.u, fd) == 0);

	fd = t.socket(t.u, family(), SOCK_STREAM, 0);
	start(&b, CONNECT, fd, 0);
	expect(SYN, 0, 0, 0);
	inject(RST | ACK, 0, 1, 0);
	join(&b);
	CHECK(b.answer == -1 && b.number == ECONNREFUSED);

	/* The same socket again; its SYN goes out seven times, at the times of RFC 6298. */
	int retries = 6;
	CHECK(t.setsockopt(t.u, fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries) == 0);
	start(&b, CONNECT, fd, 0);
	long long first = 0, after = 0;
	for (int i = 0; i < 7; i++) {
		expect(SYN, 0, 0, 0);
		first = i ? first : in.at;
		CHECK(in.at - first >= after && in.at - first <= after + 20000);
		after += 1000000LL << i;
	}
	CHECK(!fetch());
	join(&b);
	CHECK(b.answer == -1 && b.number == ETIMEDOUT);
	CHECK(t.close(t.u, fd) == 0);
}

/* Virtual time: each look at the clock is a microsecond, usleep runs timers in their order, and fetching jumps to them. */
static void timers(void)
{
	int fd = listener();
	long long one = now(), two = now();
	CHECK(two == one + 1);
	CHECK(t.usleep(t.u, 250) == 0);
	CHECK(now() == two + 251);
	inject(SYN, 0, 0, 0);
	expect(SYN | ACK, 0, 1, 0);
	/* The SYN-ACK again after 1, 3 and 7 s, whether slept over or waited for. */
	long long first = in.at;
	CHECK(t.usleep(t.u, 3500000) == 0);
	for (int i = 0; i < 3; i++) {
		long long due = ((2LL << i) - 1) * 1000000;
		expect(SYN | ACK, 0, 1, 0);
		CHECK(in.at - first >= due && in.at - first <= due + 20000);
	}
	inject(ACK, 1, 1, 0);
	int c = accepted(fd);

	/* Lost data: a probe of the tail, again after the timeout, then after twice as long; keep-alive after silence. */
	uint8_t buf[100];
	fill(buf, 1, 100);
	CHECK(t.send(t.u, c, buf, 100, 0) == 100);
	expect(PSH | ACK, 1, 1, 100);
	expect(PSH | ACK, 1, 1, 100);
	first = in.at;
	expect(PSH | ACK, 1, 1, 100);
	long long rto = in.at - first;
	CHECK(rto >= 200000 && rto <= 3100000);
	expect(PSH | ACK, 1, 1, 100);
	CHECK(in.at - first >= 3 * rto - 5000 && in.at - first <= 3 * rto + 5000);
	inject(ACK, 1, 101, 0);
	int on = 1, idle = 30, interval = 5, count = 2, linger_time = 0;
	CHECK(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0);
	CHECK(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) == 0);
	CHECK(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count) == 0);
	CHECK(t.setsockopt(t.u, c, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
	first = now();
	CHECK(fetch() && in.seq == 100 && in.len == 0 && in.flags == ACK);
	CHECK(in.at - first >= 29900000 && in.at - first <= 30100000);
	CHECK(fetch() && in.seq == 100);
	CHECK(fetch() && in.flags & RST);
	CHECK(t.usleep(t.u, 1000000) == 0);
	FAILS(t.read(t.u, c, buf, 1), ETIMEDOUT);
	CHECK(t.close(t.u, c) == 0);

	/* Linger of 0: close resets. */
	peer_isn += 1000000, their_port++;
	handshake();
	c = accepted(fd);
	struct linger linger = {1, linger_time};
	CHECK(t.setsockopt(t.u, c, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	CHECK(t.close(t.u, c) == 0);
	CHECK(fetch() && in.flags & RST);
	CHECK(!fetch());
}

/* Options, TCP_INFO by both ways, what is unsupported. */
static void options(void)
{
	int fd = listener(), n = 0;
	socklen_t len = sizeof n;
	handshake();
	int c = accepted(fd);
	static const struct {
		int level, name, told, answered;
	} rows[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 11, 11},
		{IPPROTO_TCP, TCP_KEEPINTVL, 12, 12},
		{IPPROTO_TCP, TCP_KEEPCNT, 3, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, 5000},
		{IPPROTO_TCP, TCP_LINGER2, 7, 7},
		{SOL_SOCKET, SO_SNDBUF, 30000, 60000},
		{SOL_SOCKET, SO_RCVBUF, 80000, 160000},
		{SOL_SOCKET, SO_REUSEADDR, 1, 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(t.setsockopt(t.u, c, rows[i].level, rows[i].name, &rows[i].told, sizeof(int)) == 0);
		CHECK(t.getsockopt(t.u, c, rows[i].level, rows[i].name, &n, &len) == 0);
		CHECK(len == sizeof n && n == rows[i].answered);
	}
	CHECK(t.getsockopt(t.u, c, IPPROTO_TCP, TCP_MAXSEG, &n, &len) == 0 && n == mss() - 12);
	FAILS(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_KEEPIDLE, &(int){0}, sizeof n), EINVAL);
	FAILS(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_NODELAY, &n, 1), EINVAL);
	FAILS(t.setsockopt(t.u, c, SOL_SOCKET, SO_PRIORITY, &n, sizeof n), ENOPROTOOPT);
	FAILS(t.setsockopt(t.u, c, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), ENOENT);
	FAILS(t.socket(t.u, AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
	FAILS(t.socket(t.u, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(t.recv(t.u, c, &n, 1, MSG_PEEK | MSG_WAITALL), EOPNOTSUPP);
	FAILS(t.recv(t.u, c, &n, 1, MSG_ERRQUEUE), EOPNOTSUPP);
	FAILS(t.ioctl(t.u, c, 0x1234, &n), ENOTTY);
	FAILS(t.listen(t.u, c, 1), EINVAL);
	FAILS(t.read(t.u, fd, &n, 1), ENOTCONN);

	struct tcp_info by_table, by_name;
	socklen_t table_len = sizeof by_table, name_len = sizeof by_name;
	CHECK(t.getsockopt(t.u, c, IPPROTO_TCP, TCP_INFO, &by_table, &table_len) == 0 && table_len == sizeof by_table);
	CHECK(by_table.tcpi_state == TCP_ESTABLISHED && by_table.tcpi_snd_cwnd == 10 && by_table.tcpi_snd_mss == mss() - 12u);
	CHECK(by_table.tcpi_snd_wscale == 7 && by_table.tcpi_rcv_wscale == window_scale());
	CHECK(preloaded_getsockopt(c, IPPROTO_TCP, TCP_INFO, &by_name, &name_len) == 0 && name_len == table_len);
	CHECK(memcmp(&by_table, &by_name, sizeof by_table) == 0);
	/* Everything else is the kernel's to answer. */
	int real = socket(AF_INET, SOCK_STREAM, 0);
	name_len = sizeof by_name;
	CHECK(real >= 0 && preloaded_getsockopt(real, IPPROTO_TCP, TCP_INFO, &by_name, &name_len) == 0);
	CHECK(by_name.tcpi_state == TCP_CLOSE);
	close(real);
	FAILS(preloaded_getsockopt(c, SOL_SOCKET, SO_TYPE, &n, &len), ENOTSOCK);

	inject(FIN | ACK, 1, 1, 0);
	expect(ACK, 1, 2, 0);
	CHECK(t.shutdown(t.u, c, SHUT_WR) == 0);
	expect(FIN | ACK, 1, 2, 0);
	FAILS(t.write(t.u, c, "x", 1), EPIPE);
	inject(ACK, 2, 2, 0);
	FAILS(t.shutdown(t.u, c, SHUT_RDWR), ENOTCONN);
	/* Left to close(2), as packetdrill leaves what a script does not close: the number may come again. */
	CHECK(close(c) == 0);
	CHECK(t.socket(t.u, family(), SOCK_STREAM, 0) == c);
	FAILS(t.read(t.u, c, &n, 1), ENOTCONN);
}

/* epoll, level and edge; pipe and splice. */
static void readiness(void)
{
	uint8_t buf[1000];
	int fd = listener(), set = t.epoll_create(t.u, 1), ends[2];
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 77}, got[4];
	CHECK(set >= 0);
	CHECK(t.epoll_ctl(t.u, set, EPOLL_CTL_ADD, fd, &e) == 0);
	FAILS(t.epoll_ctl(t.u, set, EPOLL_CTL_ADD, fd, &e), EEXIST);
	CHECK(t.epoll_wait(t.u, set, got, 4, 0) == 0);
	handshake();
	CHECK(t.epoll_wait(t.u, set, got, 4, -1) == 1 && got[0].data.u64 == 77 && got[0].events == EPOLLIN);
	int c = accepted(fd);
	CHECK(t.epoll_wait(t.u, set, got, 4, 0) == 0);
	e.events = EPOLLIN | EPOLLET, e.data.u64 = 78;
	CHECK(t.epoll_ctl(t.u, set, EPOLL_CTL_ADD, c, &e) == 0);
	inject(PSH | ACK, 1, 1, 100);
	CHECK(t.epoll_wait(t.u, set, got, 4, 0) == 1 && got[0].data.u64 == 78);
	CHECK(t.epoll_wait(t.u, set, got, 4, 0) == 0);
	inject(PSH | ACK, 101, 1, 100);
	CHECK(t.epoll_wait(t.u, set, got, 4, 0) == 1);
	long long before = now();
	start(&b, POLL, set, 1000);
	CHECK(t.usleep(t.u, 10) == 0);
	CHECK(t.epoll_ctl(t.u, set, EPOLL_CTL_DEL, c, NULL) == 0);
	FAILS(t.epoll_ctl(t.u, set, EPOLL_CTL_DEL, c, NULL), ENOENT);
	CHECK(t.usleep(t.u, 2000000) == 0);
	join(&b);
	CHECK(b.answer == 0 && b.back > before + 1000000);
	while (fetch() && in.ack < 201)
		;

	/* What came goes back, by way of a pipe. */
	CHECK(t.pipe(t.u, ends) == 0);
	CHECK(t.splice(t.u, c, NULL, ends[1], NULL, 150, 0) == 150);
	CHECK(t.splice(t.u, c, NULL, ends[1], NULL, 1000, 0) == 50);
	CHECK(t.splice(t.u, ends[0], NULL, c, NULL, 1000, 0) == 200);
	expect(PSH | ACK, 1, 201, 200);
	FAILS(t.splice(t.u, ends[0], NULL, c, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(t.write(t.u, ends[1], "abc", 3) == 3 && t.read(t.u, ends[0], buf, 10) == 3 && memcmp(buf, "abc", 3) == 0);
	CHECK(t.close(t.u, ends[1]) == 0 && t.read(t.u, ends[0], buf, 10) == 0);
	FAILS(t.splice(t.u, c, NULL, fd, NULL, 10, 0), EINVAL);
}

static int state_of(int fd)
{
	struct tcp_info told;
	socklen_t len = sizeof told;
	CHECK(t.getsockopt(t.u, fd, IPPROTO_TCP, TCP_INFO, &told, &len) == 0);
	return told.tcpi_state;
}

/* The next connection has other ports and another ISN than the one before. */
static int another(int fd)
{
	peer_isn += 1000000, their_port++, our_port = PORT;
	handshake();
	return accepted(fd);
}

/* Half-closes by either end, with data the other way; both FINs at once; TIME-WAIT answers what comes late. */
static void closing(void)
{
	uint8_t buf[1000];
	int fd = listener(), c = another(fd);
	CHECK(t.shutdown(t.u, c, SHUT_WR) == 0);
	expect(FIN | ACK, 1, 1, 0);
	CHECK(state_of(c) == TCP_FIN_WAIT1);
	inject(ACK, 1, 2, 0);
	CHECK(state_of(c) == TCP_FIN_WAIT2);
	FAILS(t.write(t.u, c, "x", 1), EPIPE);
	inject(PSH | ACK, 1, 2, 500);
	expect(ACK, 2, 501, 0);
	CHECK(t.read(t.u, c, buf, sizeof buf) == 500);
	is_pattern(buf, 1, 500);
	inject(FIN | ACK, 501, 2, 0);
	expect(ACK, 2, 502, 0);
	CHECK(t.read(t.u, c, buf, sizeof buf) == 0);
	CHECK(t.close(t.u, c) == 0);
	/* Our ACK was lost, as they think. */
	inject(FIN | ACK, 501, 2, 0);
	expect(ACK, 2, 502, 0);

	c = another(fd);
	inject(FIN | ACK, 1, 1, 0);
	expect(ACK, 1, 2, 0);
	CHECK(state_of(c) == TCP_CLOSE_WAIT && t.read(t.u, c, buf, sizeof buf) == 0);
	fill(buf, 1, sizeof buf);
	CHECK(t.write(t.u, c, buf, sizeof buf) == sizeof buf);
	expect(PSH | ACK, 1, 2, sizeof buf);
	inject(ACK, 2, 1001, 0);
	CHECK(t.shutdown(t.u, c, SHUT_WR) == 0);
	expect(FIN | ACK, 1001, 2, 0);
	CHECK(state_of(c) == TCP_LAST_ACK);
	inject(ACK, 2, 1002, 0);
	CHECK(state_of(c) == TCP_CLOSE);
	CHECK(t.close(t.u, c) == 0);
	/* Nothing is left that could answer. */
	inject(ACK, 2, 1002, 0);
	CHECK(fetch() && in.flags == RST && in.seq == 1002);

	c = another(fd);
	CHECK(t.shutdown(t.u, c, SHUT_WR) == 0);
	expect(FIN | ACK, 1, 1, 0);
	inject(FIN | ACK, 1, 1, 0);
	expect(ACK, 2, 2, 0);
	CHECK(state_of(c) == TCP_CLOSING);
	inject(ACK, 2, 2, 0);
	CHECK(t.read(t.u, c, buf, 1) == 0);
	CHECK(t.close(t.u, c) == 0);
	inject(FIN | ACK, 1, 2, 0);
	expect(ACK, 2, 2, 0);
	/* Nothing comes by itself, and when 2MSL are over nobody remembers. */
	CHECK(!fetch());
	inject(FIN | ACK, 1, 2, 0);
	CHECK(fetch() && in.flags == RST && in.seq == 2);
}

/* Resets: by the peer at the right place and beside it, and by us when somebody will never read. */
static void resets(void)
{
	uint8_t buf[100];
	int error = 0, fd = listener(), c = another(fd);
	socklen_t len = sizeof error;
	/* In the window, but not at its edge: RFC 5961 section 3.2 asks back. Beyond it: nothing. */
	inject(RST, 10, 0, 0);
	expect(ACK, 1, 1, 0);
	inject(RST, 50000000, 0, 0);
	CHECK(!fetch());
	CHECK(state_of(c) == TCP_ESTABLISHED);
	start(&b, READ, c, 100);
	inject(RST, 1, 0, 0);
	join(&b);
	CHECK(b.answer == -1 && b.number == ECONNRESET);
	CHECK(state_of(c) == TCP_CLOSE);
	CHECK(t.read(t.u, c, buf, 1) == 0);
	FAILS(t.write(t.u, c, buf, 1), EPIPE);
	CHECK(t.close(t.u, c) == 0);
	CHECK(!fetch());

	/* After their FIN a reset means that what we send is not wanted. */
	c = another(fd);
	inject(FIN | ACK, 1, 1, 0);
	expect(ACK, 1, 2, 0);
	inject(RST | ACK, 2, 1, 0);
	CHECK(t.getsockopt(t.u, c, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == EPIPE);
	CHECK(t.close(t.u, c) == 0);

	/* RFC 9293 section 3.6.1: unread data makes a close a reset. */
	c = another(fd);
	inject(PSH | ACK, 1, 1, 100);
	expect(ACK, 1, 101, 0);
	CHECK(t.close(t.u, c) == 0);
	CHECK(fetch() && in.flags & RST && in.seq == 1);
	CHECK(!fetch());

	/* A segment for nobody. */
	their_port++;
	inject(ACK, 1, 1, 0);
	CHECK(fetch() && in.flags == RST && in.seq == 1 && in.len == 0);
	/* A SYN for a port where nobody listens. */
	CHECK(t.close(t.u, fd) == 0);
	their_port++, peer_isn += 1000000;
	inject(SYN, 0, 0, 0);
	CHECK(fetch() && in.flags == (RST | ACK) && in.ack == 1);
}

/* Both ends open at once (RFC 9293 figure 7), say something, and close at once. */
static void crossing(void)
{
	uint8_t buf[100];
	union address a;
	socklen_t a_len = address(&a, theirs, PEER_PORT), len = sizeof(int);
	int error = -1, fd = t.socket(t.u, family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
	FAILS(t.connect(t.u, fd, &a.any, a_len), EINPROGRESS);
	expect(SYN, 0, 0, 0);
	CHECK(state_of(fd) == TCP_SYN_SENT);
	inject(SYN, 0, 0, 0);
	expect(SYN | ACK, 0, 1, 0);
	CHECK(state_of(fd) == TCP_SYN_RECV);
	inject(SYN | ACK, 0, 1, 0);
	CHECK(state_of(fd) == TCP_ESTABLISHED);
	CHECK(t.getsockopt(t.u, fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	CHECK(t.connect(t.u, fd, &a.any, a_len) == 0);
	fill(buf, 1, sizeof buf);
	CHECK(t.write(t.u, fd, buf, sizeof buf) == sizeof buf);
	do
		CHECK(fetch());
	while (in.len == 0);
	CHECK(in.seq == 1 && in.ack == 1 && in.len == sizeof buf);
	inject(PSH | ACK, 1, 101, 50);
	expect(ACK, 101, 51, 0);
	CHECK(t.read(t.u, fd, buf, sizeof buf) == 50);
	is_pattern(buf, 1, 50);
	CHECK(t.close(t.u, fd) == 0);
	expect(FIN | ACK, 101, 51, 0);
	inject(FIN | ACK, 51, 101, 0);
	expect(ACK, 102, 52, 0);
	inject(ACK, 52, 102, 0);
	CHECK(!fetch());
}

/* Settings that arrive while the script runs; $SETTINGS names the file. */
static void settings(void)
{
	FILE *file = fopen(getenv("SETTINGS"), "w");
	CHECK(file);
	fprintf(file, "net.ipv4.tcp_timestamps=0\n/proc/sys/net/ipv4/tcp_sack=0\nnet.ipv4.tcp_of_tomorrow=1\n");
	fflush(file);
	int fd = listener();
	use_ts = 0;
	handshake();
	CHECK(!in.has_sack_ok && in.wscale == window_scale());
	accepted(fd);
	fprintf(file, "net.ipv4.tcp_sack=1\nnet.ipv4.tcp_timestamps=1\nnet.ipv4.tcp_window_scaling=0\n");
	fclose(file);
	peer_isn += 1000000, their_port++, use_ts = 1;
	handshake();
	CHECK(in.has_sack_ok && in.wscale == -1);
	accepted(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*play)(void);
	} cases[] = {{"passive", passive}, {"blocking", blocking}, {"active", active}, {"timers", timers},
		     {"options", options}, {"readiness", readiness}, {"settings", settings}, {"closing", closing},
		     {"resets", resets}, {"crossing", crossing}};
	CHECK(argc == 5);
	is_v6 = !strcmp(argv[3], "6"), is_freebsd = !strcmp(argv[4], "freebsd");
	CHECK(inet_pton(family(), names[is_v6][0], ours) == 1 && inet_pton(family(), names[is_v6][1], theirs) == 1);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	void (*init)(const char *, struct table *) =
		(void (*)(const char *, struct table *))dlsym(library, "packetdrill_interface_init");
	preloaded_getsockopt = (int (*)(int, int, int, void *, socklen_t *))dlsym(library, "getsockopt");
	CHECK(init && preloaded_getsockopt);
	char flags[4096];
	snprintf(flags, sizeof flags, "ver=%s,local=%s,remote=%s,mtu=1500,profile=%s,settings=%s", argv[3],
		 names[is_v6][0], names[is_v6][1], argv[4], getenv("SETTINGS"));
	init(flags, &t);
	for (void **p = (void **)&t; p < (void **)(&t + 1); p++)
		CHECK(*p != NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (strcmp(cases[i].name, argv[2]))
			continue;
		cases[i].play();
		t.free(t.u);
		if (cases[i].play == blocking) {
			join(&b);
			CHECK(b.answer == -1 && b.number == EBADF);
		}
		printf("%s: played\n", argv[2]);
		return 0;
	}
	fprintf(stderr, "no case %s\n", argv[2]);
	return 1;
}
