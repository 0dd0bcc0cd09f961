/* Sleep and wake over one ring (doc/shared-memory.md, "Sleep and wake"; core/ipc/doorbell.hpp, channel.cpp), without
 * the belt: a wake that is lost leaves a process asleep for ever, which spin reports as an invalid end state.
 *
 * The producer publishes FRAMES frames and sleeps for space; the consumer takes them and sleeps for data; somebody
 * cancels a turn and rings unconditionally. Each of the two may die at any step, KILLS times in all, and is
 * restarted: what lies in shared memory stays, what was private is gone. Memory is sequentially consistent, as the
 * seq_cst operations make it.
 *
 * Each of these turns the protocol into one that must fail:
 *   CLEAR_AFTER_ARM  the eventfd is read empty after the tickets are armed
 *   RESET_NUMBERS    a restarted sleeper's numbers begin again at 0
 *   NO_RECHECK       indices are not compared once more before the sleep
 *   NO_ATTACH_WAKE   a restarted side does not ring its peer
 *   LATE_STORE       the waker's index becomes visible only after its look at the ticket: no seq_cst
 * NO_CANCEL leaves the cancelled turn out, for fewer states.
 */
#ifndef FRAMES
#define FRAMES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CAPACITY
#define CAPACITY FRAMES /* less: the producer sleeps for space too */
#endif

/* shared memory */
byte tail, head;                /* frames published, frames released */
byte data_number, data_seen;    /* the consumer's ticket */
byte space_number, space_seen;  /* the producer's ticket */
#ifdef NO_CANCEL
bool cancelled = true;
#else
bool cancelled;                 /* the board */
#endif
/* descriptors, which the supervisor keeps */
bool producer_bell, consumer_bell;
/* the supervisor's hand */
bool kill_producer, kill_consumer, producer_done, consumer_done;

#define ODD(n) ((n) & 1)

inline disarm(number, ticket_number, ticket_seen) {
  if
  :: ODD(number) -> atomic { number++; ticket_number = number; ticket_seen = 0 }
  :: else
  fi
}

/* The ticket's word has the number of this sleep and the index seen; it is written as a whole. */
inline arm(number, seen, ticket_number, ticket_seen) {
  atomic { number = (number + 1) | 1; ticket_number = number; ticket_seen = seen }
}

/* After an index was stored: one look at the ticket, one ring for each sleep. */
inline wake(ticket_number, ticket_seen, index, served, bell) {
  if
  :: atomic {
       ODD(ticket_number) && ticket_number != served && ticket_seen != index -> served = ticket_number
     };
     bell = true
  :: else
  fi
}

inline attach(number, ticket_number, ticket_seen, bell) {
#ifdef RESET_NUMBERS
  atomic { number = 0; ticket_number = 0 };
#else
  number = ticket_number;
  disarm(number, ticket_number, ticket_seen);
#endif
#ifndef NO_ATTACH_WAKE
  bell = true;
#endif
}

proctype Producer() {
  byte number, served, seen;
restart:
  {
    served = 0;
    attach(number, space_number, space_seen, consumer_bell);
    do
    :: tail == FRAMES -> break
    :: else ->
      disarm(number, space_number, space_seen);
#ifndef CLEAR_AFTER_ARM
      producer_bell = false;
#endif
      seen = head;
      if
      :: tail - seen < CAPACITY ->
#ifdef LATE_STORE
        if
        :: atomic {
             ODD(data_number) && data_number != served && data_seen != tail + 1 -> served = data_number
           };
           tail++;
           consumer_bell = true
        :: else -> tail++
        fi
#else
        tail++;
        wake(data_number, data_seen, tail, served, consumer_bell)
#endif
      :: else ->
        arm(number, seen, space_number, space_seen);
#ifdef CLEAR_AFTER_ARM
        producer_bell = false;
#endif
        if
#ifndef NO_RECHECK
        :: head != seen
#endif
        :: else -> producer_bell  /* poll */
        fi
      fi
    od;
    producer_done = true
  } unless { kill_producer -> kill_producer = false; goto restart }
}

proctype Consumer() {
  byte number, served, seen;
  bool knows;
restart:
  {
    served = 0; knows = false;
    attach(number, data_number, data_seen, producer_bell);
    do
    :: head == FRAMES && knows -> break
    :: else ->
      disarm(number, data_number, data_seen);
#ifndef CLEAR_AFTER_ARM
      consumer_bell = false;
#endif
      knows = cancelled;
      seen = tail;
      if
      :: head != seen ->
        head++;
        wake(space_number, space_seen, head, served, producer_bell)
      :: head == seen && !(head == FRAMES && knows) ->
        arm(number, seen, data_number, data_seen);
#ifdef CLEAR_AFTER_ARM
        consumer_bell = false;
#endif
        if
#ifndef NO_RECHECK
        :: tail != seen
#endif
        :: else -> consumer_bell  /* poll */
        fi
      :: else
      fi
    od;
    consumer_done = true
  } unless { kill_consumer -> kill_consumer = false; goto restart }
}

/* Brain cancels a turn: one store and a ring of the bell. */
#ifdef NO_CANCEL
#define CANCEL
#else
#define CANCEL run Canceller();
#endif
proctype Canceller() {
  cancelled = true;
  consumer_bell = true
}

proctype Killer() {
  byte kills = KILLS;
  do
  :: atomic { kills > 0 && !producer_done && !kill_producer -> kill_producer = true; kills-- }
  :: atomic { kills > 0 && !consumer_done && !kill_consumer -> kill_consumer = true; kills-- }
  :: break
  od
}

init {
  atomic { run Producer(); run Consumer(); CANCEL run Killer() }
}
