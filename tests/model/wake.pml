/* Sleep and wake over one ring (doc/shared-memory.md, "Sleep and wake"; core/ipc/doorbell.hpp, channel.cpp), without
 * the belt: a wake that is lost leaves a process asleep for ever, which spin reports as an invalid end state.
 *
 * The producer publishes FRAMES frames and sleeps for space; the consumer takes them and sleeps for data; somebody
 * cancels a turn and rings unconditionally. Each of the two may die at any step, KILLS times in all, and is
 * restarted: what lies in shared memory stays, what was private is gone. Memory is sequentially consistent, as the
 * seq_cst ticket, the waker's fence and the waiter's seq_cst look at the index make it.
 *
 * Each of these turns the protocol into one that must fail:
 *   CLEAR_AFTER_ARM  the eventfd is read empty after the tickets are armed
 *   RESET_NUMBERS    a restarted sleeper's numbers begin again at 0
 *   NO_RECHECK       indices are not compared once more before the sleep
 *   NO_ATTACH_WAKE   a restarted side does not ring its peer
 *   NO_FENCE         a store may wait in the processor's store buffer while the loads behind it go ahead: the waker
 *                    looks at the ticket before its index is visible, the waiter looks once more at the index before
 *                    its ticket is. NO_WAKER_FENCE and NO_WAITER_FENCE are the halves
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

#ifdef NO_FENCE
#define NO_WAKER_FENCE
#define NO_WAITER_FENCE
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

#ifdef NO_RECHECK
#define LOOK_AND_POLL(index, seen, bell) bell; told = true
#else
#define LOOK_AND_POLL(index, seen, bell) if :: index != seen :: else -> bell; told = true fi
#endif

inline disarm(number, ticket_number, ticket_seen) {
  if
  :: ODD(number) -> atomic { number++; ticket_number = number; ticket_seen = 0 }
  :: else
  fi
}

/* The loop reads its bell when poll told of it. On a turn that a moved index began it may do so, or leave the bell rung
 * for a later turn. */
inline read_bell(bell) {
  if
  :: bell = false
  :: !told -> skip
  fi;
  told = false
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

/* Stores the next index, then wakes. Without the fence the store may come last. */
inline store_and_wake(index, ticket_number, ticket_seen, served, bell) {
#ifdef NO_WAKER_FENCE
  if
  :: index++;
     wake(ticket_number, ticket_seen, index, served, bell)
  :: skip; /* else the inner else would mean: nothing above is possible */
     if
     :: atomic {
          ODD(ticket_number) && ticket_number != served && ticket_seen != index + 1 -> served = ticket_number
        };
        index++;
        bell = true
     :: else -> index++
     fi
  fi
#else
  index++;
  wake(ticket_number, ticket_seen, index, served, bell)
#endif
}

/* Arms, looks at the index once more, polls. Without the fence the ticket may be stored last. */
inline sleep(index, number, seen, ticket_number, ticket_seen, bell) {
#ifdef NO_WAITER_FENCE
  if
  :: arm(number, seen, ticket_number, ticket_seen);
     LOOK_AND_POLL(index, seen, bell)
  :: skip;
     if
     :: index != seen -> arm(number, seen, ticket_number, ticket_seen)
     :: else -> arm(number, seen, ticket_number, ticket_seen); bell; told = true
     fi
  fi
#else
  arm(number, seen, ticket_number, ticket_seen);
#ifdef CLEAR_AFTER_ARM
  bell = false;
#endif
  LOOK_AND_POLL(index, seen, bell)
#endif
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
  bool told;
restart:
  {
    served = 0; told = false;
    attach(number, space_number, space_seen, consumer_bell);
    do
    :: tail == FRAMES -> break
    :: else ->
      disarm(number, space_number, space_seen);
#ifndef CLEAR_AFTER_ARM
      read_bell(producer_bell);
#endif
      seen = head;
      if
      :: tail - seen < CAPACITY ->
        store_and_wake(tail, data_number, data_seen, served, consumer_bell)
      :: else ->
        sleep(head, number, seen, space_number, space_seen, producer_bell)
      fi
    od;
    producer_done = true
  } unless { kill_producer -> kill_producer = false; goto restart }
}

proctype Consumer() {
  byte number, served, seen;
  bool knows, told;
restart:
  {
    served = 0; knows = false; told = false;
    attach(number, data_number, data_seen, producer_bell);
    do
    :: head == FRAMES && knows -> break
    :: else ->
      disarm(number, data_number, data_seen);
#ifndef CLEAR_AFTER_ARM
      read_bell(consumer_bell);
#endif
      knows = cancelled;
      seen = tail;
      if
      :: head != seen ->
        store_and_wake(head, space_number, space_seen, served, producer_bell)
      :: head == seen && !(head == FRAMES && knows) ->
        sleep(tail, number, seen, data_number, data_seen, consumer_bell)
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
