/*
 * lift.h - takes what operators have written into the state folder for a ratchet to let go.
 */
#ifndef SG_AGENT_LIFT_H
#define SG_AGENT_LIFT_H

#include "agent/timer.h"

struct sg_agent;
struct inotify_event;

struct sg_lifts {
    struct sg_timer timer; /* looks now and then, should inotify not tell */
    int wd;                /* of the state folder; -1: not watched */
    bool changed;
};

/* After sg_publish_load(): takes what came while no agent ran, and watches. */
void sg_lifts_open(struct sg_agent *agent);
void sg_lifts_close(struct sg_agent *agent);
void sg_lifts_note(struct sg_agent *agent, const struct inotify_event *event);
/* Takes what sg_lifts_note() has noticed. */
void sg_lifts_changed(struct sg_agent *agent);

#endif
