// Package vitals observes what the processes and sockets on the streams' paths do
// while a run goes on: facts for package limiter, which says from them where the
// limit is.
//
// A look tells what every thread is doing at one instant, and how much waits in
// every socket. One look says little; some hundreds of them say where the time goes.
// Counters are read less often, and one record holds them together with the looks
// since the record before.
//
// Observing is beside the measuring, never in its way: it has a goroutine of its
// own, only reads, opens nothing that belongs to a stream, and spends at most one
// fiftieth of a CPU's time.
package vitals
