/*
 * loop.c: makes a newer amandad copy the way amandad 3.3 did.
 *
 * Since 3.4 every dump has a shared-memory ring, and a thread in amandad that
 * empties it. Without a ring amandad still has the older way: one loop that
 * reads whichever pipe is ready and writes to that dump's connection, waiting
 * as long as that takes, while every other dump waits too. It should take that
 * way by itself when a ring cannot be made, but in 3.5.1 shm_ring_create exits
 * instead of saying so. Preloaded into amandad, this one says so.
 */
#include <string.h>

void *shm_ring_create(char **problem)
{
	if (problem)
		*problem = strdup("no ring: the test asks for the older copying loop");
	return NULL;
}
