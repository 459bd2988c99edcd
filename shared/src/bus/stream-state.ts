// How full a stream is, and how many copies of it are up to date.
import type { JetStreamManager } from '@nats-io/jetstream';
import type { StreamName } from '../events/flow.ts';
import type { StreamState } from './bus.ts';

export async function stateOf(manager: JetStreamManager, stream: StreamName): Promise<StreamState> {
  const { state, config, cluster } = await manager.streams.info(stream);
  const followers = cluster?.replicas?.filter(({ current, offline }) => current && offline !== true) ?? [];
  return {
    stream,
    backlog: { messages: state.messages, bytes: state.bytes, most: { messages: config.max_msgs, bytes: config.max_bytes } },
    // Who answers about a stream of a cluster is its leader.
    copies: { wanted: config.num_replicas, current: 1 + followers.length },
  };
}
