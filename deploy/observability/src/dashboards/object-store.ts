// Where objects lie: space, latency, errors.
import type { Dashboard } from '../dashboard.ts';

const BUCKETS = 'rate(causeway_object_store_operation_duration_bucket[$__rate_interval])';

export const objectStore: Dashboard = {
  uid: 'causeway-object-store',
  title: 'Causeway: object store',
  says: 'Space, latency and errors. The last row needs the metrics of MinIO.',
  panels: [
    {
      ...{ title: 'Free', kind: 'number', unit: 'percentunit', width: 6, red: 0.15, worseBelow: true },
      says: 'Of the volume, where the store is a folder.',
      queries: [{ expr: 'min(causeway_object_store_free / causeway_object_store_size)', legend: 'free' }],
    },
    {
      ...{ title: 'Stage', kind: 'number', unit: 'short', width: 6, red: 2 },
      says: '0 enough, 1 the cache goes, 2 delivered objects go before their time, 3 nothing is received.',
      queries: [{ expr: 'max(causeway_ledger_space_stage)', legend: 'stage' }],
    },
    {
      ...{ title: 'Full in', kind: 'number', unit: 's', width: 6 },
      says: 'At the rate of the last six hours; nothing: it does not fill.',
      queries: [{ expr: 'min(causeway_object_store_free) / (-min(deriv(causeway_object_store_free[6h])) > 0)', legend: 'left' }],
    },
    {
      ...{ title: 'Deleted after retention', kind: 'number', unit: 'ops', width: 6 },
      says: 'Objects a second.',
      queries: [{ expr: 'sum(rate(causeway_ledger_objects_deleted_total[$__rate_interval]))', legend: 'deleted' }],
    },
    {
      ...{ title: 'Free space', kind: 'lines', unit: 'bytes', width: 12 },
      says: 'And the size of the volume.',
      queries: [
        { expr: 'min(causeway_object_store_free)', legend: 'free' },
        { expr: 'max(causeway_object_store_size)', legend: 'size' },
      ],
    },
    {
      ...{ title: 'Operations a second', kind: 'lines', unit: 'ops', width: 12 },
      says: 'commit makes an image durable.',
      queries: [
        { expr: 'sum by (operation) (rate(causeway_object_store_operation_duration_count[$__rate_interval]))', legend: '{{operation}}' },
      ],
    },
    {
      ...{ title: 'Latency, median', kind: 'lines', unit: 's', width: 8 },
      says: 'By operation.',
      queries: [{ expr: `histogram_quantile(0.5, sum by (le, operation) (${BUCKETS}))`, legend: '{{operation}}' }],
    },
    {
      ...{ title: 'Latency, 99th percentile', kind: 'lines', unit: 's', width: 8 },
      says: 'Senders wait for commit.',
      queries: [{ expr: `histogram_quantile(0.99, sum by (le, operation) (${BUCKETS}))`, legend: '{{operation}}' }],
    },
    {
      ...{ title: 'Errors a second', kind: 'lines', unit: 'ops', width: 8 },
      says: 'By operation and kind.',
      queries: [
        {
          expr: 'sum by (operation, error_type) (rate(causeway_object_store_operation_duration_count{error_type!=""}[$__rate_interval]))',
          legend: '{{operation}} {{error_type}}',
        },
      ],
    },
    {
      ...{ title: 'MinIO: free', kind: 'lines', unit: 'percentunit', width: 8 },
      says: 'Usable space of the cluster.',
      queries: [{ expr: 'min(minio_cluster_capacity_usable_free_bytes / minio_cluster_capacity_usable_total_bytes)', legend: 'free' }],
    },
    {
      ...{ title: 'MinIO: drives offline', kind: 'lines', unit: 'short', width: 8 },
      says: 'With as many as it has parity, nothing is written.',
      queries: [{ expr: 'max(minio_cluster_drive_offline_total)', legend: 'offline' }],
    },
    {
      ...{ title: 'MinIO: requests and errors', kind: 'lines', unit: 'ops', width: 8 },
      says: 'Of its S3 interface.',
      queries: [
        { expr: 'sum(rate(minio_s3_requests_total[$__rate_interval]))', legend: 'requests' },
        { expr: 'sum(rate(minio_s3_requests_errors_total[$__rate_interval]))', legend: 'errors' },
      ],
    },
  ],
};
