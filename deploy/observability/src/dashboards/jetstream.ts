// The broker: how full its streams are, how many copies they have, how fast it answers.
import type { Dashboard } from '../dashboard.ts';

const BY_NAME = 'messaging_destination_name';

export const jetstream: Dashboard = {
  uid: 'causeway-jetstream',
  title: 'Causeway: JetStream',
  says: 'Streams and publications. The last row needs prometheus-nats-exporter.',
  panels: [
    {
      ...{ title: 'Messages, of what is allowed', kind: 'lines', unit: 'percentunit', width: 12, red: 0.7 },
      says: 'A full RECEIVED or READY refuses images, a full DELIVERIES parks deliveries.',
      queries: [{ expr: 'max by (stream) (causeway_stream_messages / causeway_stream_messages_limit)', legend: '{{stream}}' }],
    },
    {
      ...{ title: 'Bytes, of what is allowed', kind: 'lines', unit: 'percentunit', width: 12, red: 0.7 },
      says: 'FACTS makes room by itself when it is full.',
      queries: [{ expr: 'max by (stream) (causeway_stream_size / causeway_stream_size_limit)', legend: '{{stream}}' }],
    },
    {
      ...{ title: 'Messages', kind: 'lines', unit: 'short', width: 8 },
      says: 'Queued or under way.',
      queries: [{ expr: 'max by (stream) (causeway_stream_messages)', legend: '{{stream}}' }],
    },
    {
      ...{ title: 'Copies up to date', kind: 'lines', unit: 'short', width: 8 },
      says: 'Of each stream: 1 on one machine, 3 on a cluster.',
      queries: [{ expr: 'min by (stream) (causeway_stream_replicas_current)', legend: '{{stream}}' }],
    },
    {
      ...{ title: 'Ledger behind', kind: 'lines', unit: 's', width: 8 },
      says: 'Age of the oldest fact not written yet.',
      queries: [{ expr: 'max(causeway_ledger_lag)', legend: 'lag' }],
    },
    {
      ...{ title: 'Publications a second', kind: 'lines', unit: 'ops', width: 8 },
      says: 'By the first two words of the subject.',
      queries: [
        { expr: `sum by (${BY_NAME}) (rate(messaging_client_operation_duration_count[$__rate_interval]))`, legend: `{{${BY_NAME}}}` },
      ],
    },
    {
      ...{ title: 'Time until acknowledged', kind: 'lines', unit: 's', width: 8 },
      says: '99th percentile: a sender waits for that of instance.received.',
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le, ${BY_NAME}) (rate(messaging_client_operation_duration_bucket[$__rate_interval])))`,
          legend: `{{${BY_NAME}}}`,
        },
      ],
    },
    {
      ...{ title: 'Publications that failed', kind: 'lines', unit: 'ops', width: 8 },
      says: 'Refused, or not acknowledged in time.',
      queries: [
        {
          expr: `sum by (${BY_NAME}, error_type) (rate(messaging_client_operation_duration_count{error_type!=""}[$__rate_interval]))`,
          legend: `{{${BY_NAME}}} {{error_type}}`,
        },
      ],
    },
    {
      ...{ title: 'Handling of a message', kind: 'lines', unit: 's', width: 12 },
      says: '95th percentile, by stream.',
      queries: [
        {
          expr: `histogram_quantile(0.95, sum by (le, ${BY_NAME}) (rate(messaging_process_duration_bucket[$__rate_interval])))`,
          legend: `{{${BY_NAME}}}`,
        },
      ],
    },
    {
      ...{ title: 'Messages that come back', kind: 'lines', unit: 'ops', width: 12 },
      says: 'Handling failed: TransientError comes again, PermanentError is told as failed.',
      queries: [
        {
          expr: `sum by (${BY_NAME}, error_type) (rate(messaging_process_duration_count{error_type!=""}[$__rate_interval]))`,
          legend: `{{${BY_NAME}}} {{error_type}}`,
        },
      ],
    },
    {
      ...{ title: 'Disk of the servers', kind: 'lines', unit: 'percentunit', width: 8 },
      says: 'JetStream store used, of what each server allows.',
      queries: [{ expr: 'jetstream_server_total_message_bytes / jetstream_server_max_storage', legend: '{{server_name}}' }],
    },
    {
      ...{ title: 'Connections', kind: 'lines', unit: 'short', width: 8 },
      says: 'Of each server.',
      queries: [{ expr: 'gnatsd_varz_connections', legend: '{{server_id}}' }],
    },
    {
      ...{ title: 'Slow consumers', kind: 'lines', unit: 'short', width: 8 },
      says: 'Connections that were cut because they did not read.',
      queries: [{ expr: 'increase(gnatsd_varz_slow_consumers[$__rate_interval])', legend: '{{server_id}}' }],
    },
  ],
};
