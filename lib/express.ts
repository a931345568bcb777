export { type ExpressClient, type ExpressStoreLike, fromExpressStore } from './stores/express';
