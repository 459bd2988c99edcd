// The way of images through the gateway as a whole: what comes, what goes, what waits, and whether the objective holds.
import type { Dashboard } from '../dashboard.ts';

const IN_TIME =
  'sum(rate(causeway_uploader_time_to_archive_bucket{le="300"}[$__range])) / sum(rate(causeway_uploader_time_to_archive_count[$__range]))';
const archived = (quantile: number): string =>
  `histogram_quantile(${quantile}, sum by (le) (rate(causeway_uploader_time_to_archive_bucket[$__rate_interval])))`;

export const flow: Dashboard = {
  uid: 'causeway-flow',
  title: 'Causeway: flow',
  says: 'Images from the modality to the archive.',
  panels: [
    {
      ...{ title: 'In the archive within five minutes', kind: 'number', unit: 'percentunit', width: 4, red: 0.99, worseBelow: true },
      says: 'Of the deliveries confirmed in the range shown. The objective is 99 %.',
      queries: [{ expr: IN_TIME, legend: 'in time' }],
    },
    {
      ...{ title: 'Oldest undelivered', kind: 'number', unit: 's', width: 4, red: 3600 },
      says: 'Age of what is due, retrying or parked longest.',
      queries: [{ expr: 'max(causeway_ledger_oldest_delivery_age{destination="_all"})', legend: 'age' }],
    },
    {
      ...{ title: 'Held', kind: 'number', unit: 'short', width: 4, red: 1 },
      says: 'Images that wait for a person to say where they belong.',
      queries: [{ expr: 'max(causeway_ledger_held_instances)', legend: 'held' }],
    },
    {
      ...{ title: 'Failed deliveries', kind: 'number', unit: 'short', width: 4, red: 1 },
      says: 'Given up until somebody retries them.',
      queries: [{ expr: 'sum(max by (destination) (causeway_ledger_deliveries{state="failed"})) or vector(0)', legend: 'failed' }],
    },
    {
      ...{ title: 'Quarantined', kind: 'number', unit: 'short', width: 4, red: 1 },
      says: 'Images that a step refused for good.',
      queries: [{ expr: 'max(causeway_ledger_quarantined_instances)', legend: 'quarantined' }],
    },
    {
      ...{ title: 'Received before yesterday, not delivered', kind: 'number', unit: 'short', width: 4, red: 1 },
      says: 'Received minus delivered must close within a day.',
      queries: [{ expr: 'max(causeway_ledger_late_receipts)', legend: 'late' }],
    },
    {
      ...{ title: 'Images a second at each step', kind: 'lines', unit: 'ops', width: 12 },
      says: 'Where the lines part, something waits in between.',
      queries: [
        { expr: 'sum(rate(causeway_receiver_instances_total{status="0000"}[$__rate_interval]))', legend: 'received' },
        { expr: 'sum(rate(causeway_compressor_instances_total[$__rate_interval]))', legend: 'compressed or passed' },
        { expr: 'sum(rate(causeway_router_instances_total[$__rate_interval]))', legend: 'routed' },
        { expr: 'sum(rate(causeway_uploader_deliveries_total{outcome=~"delivered|coalesced"}[$__rate_interval]))', legend: 'delivered' },
      ],
    },
    {
      ...{ title: 'From receipt to confirmation', kind: 'lines', unit: 's', width: 12 },
      says: 'Of the deliveries confirmed.',
      queries: [
        { expr: archived(0.5), legend: 'median' },
        { expr: archived(0.95), legend: '95 %' },
        { expr: archived(0.99), legend: '99 %' },
      ],
    },
    {
      ...{ title: 'Queues', kind: 'lines', unit: 'short', width: 12 },
      says: 'Messages in each stream; see JetStream for their limits.',
      queries: [{ expr: 'max by (stream) (causeway_stream_messages{stream!="FACTS"})', legend: '{{stream}}' }],
    },
    {
      ...{ title: 'Bytes a second', kind: 'lines', unit: 'Bps', width: 12 },
      says: 'Received, and handed on after compression, and delivered.',
      queries: [
        { expr: 'sum(rate(causeway_receiver_bytes_total[$__rate_interval]))', legend: 'received' },
        { expr: 'sum(rate(causeway_compressor_result_bytes_total[$__rate_interval]))', legend: 'after compression' },
        { expr: 'sum(rate(causeway_uploader_bytes_total[$__rate_interval]))', legend: 'delivered' },
      ],
    },
    {
      ...{ title: 'Answers to C-STORE', kind: 'stacked', unit: 'ops', width: 8 },
      says: 'By status: 0000 success, A7xx we lack something, others: the data set is not acceptable.',
      queries: [{ expr: 'sum by (status) (rate(causeway_receiver_instances_total[$__rate_interval]))', legend: '{{status}}' }],
    },
    {
      ...{ title: 'Admission load', kind: 'lines', unit: 'percentunit', width: 8, red: 1 },
      says: 'Share of each limit that is used; above 100 % images are refused.',
      queries: [{ expr: 'max by (limit) (causeway_receiver_admission_load)', legend: '{{limit}}' }],
    },
    {
      ...{ title: 'Time of a C-STORE', kind: 'lines', unit: 's', width: 8 },
      says: 'From the command to the answer: the network of the sender, and custody.',
      queries: [
        {
          expr: 'histogram_quantile(0.5, sum by (le) (rate(causeway_receiver_store_duration_bucket[$__rate_interval])))',
          legend: 'median',
        },
        { expr: 'histogram_quantile(0.99, sum by (le) (rate(causeway_receiver_store_duration_bucket[$__rate_interval])))', legend: '99 %' },
      ],
    },
    {
      ...{ title: 'Associations', kind: 'lines', unit: 'short', width: 8 },
      says: 'Open now, by receiver; and limits reached a second.',
      queries: [
        { expr: 'sum by (instance) (causeway_receiver_associations_open)', legend: 'open {{instance}}' },
        { expr: 'sum by (limit) (rate(causeway_receiver_limits_reached_total[$__rate_interval]))', legend: 'limit {{limit}}' },
      ],
    },
    {
      ...{ title: 'Frames: encoding and proof', kind: 'lines', unit: 's', width: 8 },
      says: '95th percentile of one frame, by transfer syntax.',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le, syntax) (rate(causeway_compressor_frame_encode_duration_bucket[$__rate_interval])))',
          legend: 'encode {{syntax}}',
        },
        {
          expr: 'histogram_quantile(0.95, sum by (le, syntax) (rate(causeway_compressor_frame_proof_duration_bucket[$__rate_interval])))',
          legend: 'prove {{syntax}}',
        },
      ],
    },
    {
      ...{ title: 'Spans, 99th percentile', kind: 'lines', unit: 's', width: 8 },
      says: 'From the traces; points lead to one of them.',
      queries: [
        {
          expr: 'histogram_quantile(0.99, sum by (le, span_name) (rate(span_duration_seconds_bucket[$__rate_interval])))',
          legend: '{{span_name}}',
          exemplars: true,
        },
      ],
    },
    {
      ...{ title: 'Services that are ready', kind: 'lines', unit: 'short', width: 12 },
      says: 'Replicas of each service.',
      queries: [{ expr: 'sum by (service_name) (causeway_service_ready)', legend: '{{service_name}}' }],
    },
    {
      ...{ title: 'Revision of the gateway document', kind: 'lines', unit: 'short', width: 12 },
      says: 'One line once every service has taken a change up.',
      queries: [{ expr: 'max by (service_name) (causeway_configuration_revision)', legend: '{{service_name}}' }],
    },
  ],
};
