// Instances and deliveries lie by month of receipt (migration 0012): the receipts of a study say which months to look into.
import { OF_RETRIEVALS } from './delivery-rows.ts';

/** Only the months that the study was received in are looked into: instances `i` of counted study `n`. */
export const OF_STUDY_MONTHS = 'i.receipt_id >= n.first_receipt AND i.receipt_id <= n.last_receipt';
/** The same for its deliveries `d`; those of retrievals are filed by themselves. */
export const DELIVERIES_OF_STUDY_MONTHS = `(d.filed_under = '${OF_RETRIEVALS}' OR (d.filed_under >= n.first_receipt AND d.filed_under <= n.last_receipt))`;
